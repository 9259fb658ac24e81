// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Verifiers and folders of the operations.
#include "prec/IR/PrecDialect.h"
#include "prec/Numerics/Round.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace mlir::prec;

namespace mlir::prec {
ParseResult parseFormat(OpAsmParser &parser, FormatAttr &format);
void printFormat(OpAsmPrinter &printer, Operation *, FormatAttr format);
ParseResult parseMode(OpAsmParser &parser, ModeAttr &mode);
void printMode(OpAsmPrinter &printer, Operation *, ModeAttr mode);
} // namespace mlir::prec

#define GET_OP_CLASSES
#include "prec/IR/PrecOps.cpp.inc"

LogicalResult RoundOp::verify() {
  const Format &format = getFormat().getValue();
  const RoundingMode &mode = getMode().getValue();
  std::optional<Carrier> carrier = carrierOf(getType());
  if (!carrier)
    return emitOpError("rounds f32 or f64, found ")
           << getElementTypeOrSelf(getType());
  if (std::string why = format.whyNotIn(*carrier); !why.empty())
    return emitOpError("format ")
           << format.str() << " does not fit "
           << getElementTypeOrSelf(getType()) << ": " << why;
  if (!format.isElementwise() && !isa<RankedTensorType>(getType()))
    return emitOpError("format ")
           << format.str()
           << " shares scales between elements, so it rounds tensors, found "
           << getType();
  if (auto tensor = dyn_cast<RankedTensorType>(getType());
      tensor && tensor.getRank() > 0 && format.axis >= tensor.getRank())
    return emitOpError("format ")
           << format.str() << " has axis " << format.axis << ", found "
           << tensor.getRank() << " dimensions";
  unsigned numRuntime = format.numRuntimeWords() + mode.numRuntimeParameters();
  if (getParameters().size() != numRuntime)
    return emitOpError("format ")
           << format.str() << (mode.isRuntime ? " in mode " + mode.str() : "")
           << " takes " << numRuntime << " run-time parameters, found "
           << getParameters().size();
  if (mode.isRuntime && isa<VectorType>(getType()) &&
      !isa<VectorType>(getParameters().back().getType()))
    return emitOpError("on a vector the number of random bits is one i32 an "
                       "element, found ")
           << getParameters().back().getType();
  if (Attribute grad = (*this)->getAttr("grad")) {
    auto word = dyn_cast<StringAttr>(grad);
    if (!word || !llvm::is_contained({"straight-through", "clipped", "zero"},
                                     word.getValue()))
      return emitOpError("found grad = ")
             << grad << ", expected straight-through, clipped or zero";
    if (word.getValue() == "clipped" && !format.isElementwise())
      return emitOpError(
                 "grad = \"clipped\" needs a range that is the same for "
                 "all elements, found ")
             << format.str();
  }
  if (mode.isStochastic() != static_cast<bool>(getRandom()))
    return emitOpError("mode ")
           << mode.str()
           << (mode.isStochastic() ? " needs a random operand"
                                   : " takes no random operand");
  if (getByValue() &&
      !(getRandom() && isa<TensorType>(getType()) && format.isElementwise()))
    return emitOpError("by_value is for tensors in stochastic modes, whose "
                       "elements have no scale in common");
  if (!getRandom())
    return success();
  Type random = getRandom().getType();
  if (isa<TensorType>(getType())) {
    if (!random.isInteger(64))
      return emitOpError(
                 "on a tensor the random operand is the i64 key, found ")
             << random;
    return success();
  }
  if (!getElementTypeOrSelf(random).isInteger(32) ||
      isa<ShapedType>(random) != isa<ShapedType>(getType()))
    return emitOpError("on a scalar or vector the random operand is one i32 "
                       "an element, found ")
           << random << "; prec-expand-rounding makes words of a key";
  return success();
}

/// Rounds a constant attribute's elements.
static Attribute foldConstant(Attribute constant, const Format &format,
                              RoundingMode mode) {
  auto roundOne = [&](const APFloat &value) {
    if (&value.getSemantics() == &APFloat::IEEEsingle())
      return APFloat(round(value.convertToFloat(), format, mode));
    return APFloat(round(value.convertToDouble(), format, mode));
  };
  if (auto scalar = dyn_cast<FloatAttr>(constant))
    return FloatAttr::get(scalar.getType(), roundOne(scalar.getValue()));
  if (auto elements = dyn_cast<DenseFPElementsAttr>(constant))
    return elements.mapValues(
        elements.getElementType(),
        [&](const APFloat &value) { return roundOne(value).bitcastToAPInt(); });
  return {};
}

OpFoldResult RoundOp::fold(FoldAdaptor adaptor) {
  const Format &format = getFormat().getValue();
  const RoundingMode &mode = getMode().getValue();
  if (mode.isStochastic() || format.isRuntime() || !format.isElementwise())
    return {};
  if (adaptor.getOperand())
    return foldConstant(adaptor.getOperand(), format, mode);
  if (auto inner = getOperand().getDefiningOp<RoundOp>())
    if (inner.getFormat() == getFormat())
      return inner.getResult();
  return {};
}

Value mlir::prec::limitOf(OpBuilder &builder, RoundOp round, bool isLowest) {
  auto type = cast<FloatType>(getElementTypeOrSelf(round.getType()));
  APFloat most = APFloat::getLargest(type.getFloatSemantics(), isLowest);
  Value largest = arith::ConstantOp::create(builder, round.getLoc(),
                                            builder.getFloatAttr(type, most));
  const Format &format = round.getFormat().getValue();
  auto mode = RoundingMode(RoundingMode::Kind::TowardZero);
  return builder.createOrFold<RoundOp>(
      round.getLoc(), type, largest,
      round.getParameters().take_front(format.numRuntimeWords()), Value(),
      round.getFormat(), ModeAttr::get(builder.getContext(), mode), SiteAttr());
}

LogicalResult
ParameterOp::verifySymbolUses(SymbolTableCollection &symbolTable) {
  if (symbolTable.lookupNearestSymbolFrom<DeclareOp>(*this, getNameAttr()))
    return success();
  return emitOpError("names no prec.declare: @") << getName();
}

LogicalResult DeclareOp::verify() {
  if (!getSchedule())
    return success();
  ArrayRef<int64_t> numbers = *getSchedule();
  if (numbers.size() % 2)
    return emitOpError("a schedule is pairs of a step and a value, found ")
           << numbers.size() << " numbers";
  int64_t last = 0;
  for (size_t i = 0; i < numbers.size(); i += 2) {
    if (numbers[i] <= last || numbers[i] > UINT32_MAX)
      return emitOpError("the steps of a schedule ascend from 1 to 4294967295, "
                         "found ")
             << numbers[i];
    last = numbers[i];
    if (numbers[i + 1] < INT32_MIN || numbers[i + 1] > INT32_MAX)
      return emitOpError("the values of a schedule are numbers of 32 bits, "
                         "found ")
             << numbers[i + 1];
  }
  for (StringRef name : {stepParameter, epochStepsParameter})
    if ((name == stepParameter || getPerEpoch()) &&
        !SymbolTable::lookupNearestSymbolFrom<DeclareOp>(
            *this, StringAttr::get(getContext(), name)))
      return emitOpError("has a schedule, which needs prec.declare @") << name;
  return success();
}
