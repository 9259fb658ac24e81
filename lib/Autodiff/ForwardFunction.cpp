// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads @forward's signature by roles.
#include "ForwardFunction.h"
#include "prec/IR/PrecDialect.h"

using namespace mlir;
using namespace mlir::prec;

LogicalResult ForwardFunction::read(func::FuncOp f) {
  function = f;
  if (!f.getBody().hasOneBlock())
    return emitError(f.getLoc(), "@forward: expected a body of one block");
  for (unsigned i = 0; i < f.getNumArguments(); ++i) {
    auto role = f.getArgAttrOfType<StringAttr>(i, roleAttrName);
    StringRef word = role ? role.getValue() : "input";
    if (word == "weight")
      weights.push_back(i);
    else if (word == "state")
      states.push_back(i);
    else if (word == "input")
      inputs.push_back(i);
    else
      return emitError(f.getLoc(), "@forward: argument ")
             << i << " has role \"" << word
             << "\", expected weight, state or input";
  }
  if (weights.empty())
    return emitError(f.getLoc(), "@forward: expected at least one argument of "
                                 "prec.role \"weight\"");
  if (inputs.size() != 1)
    return emitError(f.getLoc(), "@forward: found ")
           << inputs.size() << " arguments of role input, expected one";
  if (f.getNumResults() == 0 || !isa<RankedTensorType>(f.getResultTypes()[0]) ||
      !isa<Float32Type, Float64Type>(
          getElementTypeOrSelf(f.getResultTypes()[0])) ||
      logits().getRank() < 2)
    return emitError(f.getLoc(),
                     "@forward: expected logits [batch, classes] of f32 or "
                     "f64 as first result");
  if (f.getNumResults() != 1 && f.getNumResults() != 1 + states.size())
    return emitError(f.getLoc(), "@forward: found ")
           << f.getNumResults() - 1 << " results after the logits, expected "
           << states.size() << ", one for each argument of role state";
  for (auto [i, type] : llvm::enumerate(f.getResultTypes().drop_front()))
    if (type != typeOf(states[i]))
      return emitError(f.getLoc(), "@forward: result ")
             << i + 1 << " is " << type << ", expected " << typeOf(states[i])
             << " as argument " << states[i] << ", whose next value it is";
  return success();
}
