// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Gives every function the context of its call and reads run-time numbers
// there.
#include "prec/Codegen/Passes.h"
#include "prec/Codegen/Pipelines.h"
#include "prec/IR/PrecDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace mlir::prec;

namespace mlir::prec {
#define GEN_PASS_DEF_LOWERPARAMETERS
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

SmallVector<std::pair<std::string, int32_t>>
mlir::prec::contextDefaults(ModuleOp module) {
  SmallVector<std::pair<std::string, int32_t>> slots;
  if (auto rows = module->getAttrOfType<ArrayAttr>(contextAttrName))
    for (auto row : rows.getAsRange<DictionaryAttr>())
      slots.emplace_back(row.getAs<StringAttr>("name").str(),
                         row.getAs<IntegerAttr>("value").getInt());
  for (auto declare : module.getOps<DeclareOp>())
    slots.emplace_back(declare.getSymName().str(), declare.getSchedule()
                                                       ? followsSchedule
                                                       : declare.getValue());
  return slots;
}

/// Schedules of more changes are looked up in tables.
static constexpr size_t mostSelects = 8;

namespace {
class LowerParameters
    : public prec::impl::LowerParametersBase<LowerParameters> {
public:
  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (module->hasAttr(contextAttrName))
      return; // done before
    Builder builder(&getContext());
    SmallVector<Attribute> rows;
    for (const auto &[name, value] : contextDefaults(module)) {
      slotOf[name] = rows.size();
      rows.push_back(builder.getDictionaryAttr(
          {builder.getNamedAttr("name", builder.getStringAttr(name)),
           builder.getNamedAttr("value", builder.getI32IntegerAttr(value))}));
    }
    module->setAttr(contextAttrName, builder.getArrayAttr(rows));
    for (auto declare : module.getOps<DeclareOp>())
      if (declare.getSchedule())
        scheduled[declare.getSymName()] = declare;
    for (auto function : module.getOps<func::FuncOp>())
      if (!function.isExternal())
        giveContext(function);
    module.walk([&](func::CallOp call) { passContext(call); });
    for (auto declare : llvm::make_early_inc_range(module.getOps<DeclareOp>()))
      declare.erase();
    slotOf.clear();
    scheduled.clear();
  }

private:
  void giveContext(func::FuncOp function) {
    auto pointer = LLVM::LLVMPointerType::get(&getContext());
    if (function.isPublic()) {
      function->setAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName(),
                        UnitAttr::get(&getContext()));
      for (auto [index, type] : llvm::enumerate(function.getArgumentTypes()))
        if (isa<TensorType>(type))
          function.setArgAttr(
              index, bufferization::BufferizationDialect::kWritableAttrName,
              BoolAttr::get(&getContext(), false));
    }
    unsigned last = function.getNumArguments();
    (void)function.insertArgument(last, pointer, {}, function.getLoc());
    Value context = function.getArgument(last);

    llvm::StringMap<Value> known;
    OpBuilder builder = OpBuilder::atBlockBegin(&function.front());
    SmallVector<ParameterOp> parameters;
    function.walk(
        [&](ParameterOp parameter) { parameters.push_back(parameter); });
    for (ParameterOp parameter : parameters)
      parameter.replaceAllUsesWith(read(builder, parameter.getLoc(), context,
                                        parameter.getName(), known));
    for (ParameterOp parameter : parameters)
      parameter.erase();
  }

  /// The number of this name in this call; what was read before is in `known`.
  Value read(OpBuilder &builder, Location loc, Value context, StringRef name,
             llvm::StringMap<Value> &known) {
    if (Value value = known.lookup(name))
      return value;
    auto pointer = LLVM::LLVMPointerType::get(&getContext());
    Value address = context;
    if (unsigned slot = slotOf.lookup(name))
      address = LLVM::GEPOp::create(builder, loc, pointer, builder.getI32Type(),
                                    context, ArrayRef<LLVM::GEPArg>(slot));
    auto load =
        LLVM::LoadOp::create(builder, loc, builder.getI32Type(), address);
    load.setInvariant(true);
    Value value = load;
    if (DeclareOp declare = scheduled.lookup(name))
      value = follow(builder, loc, context, declare, value, known);
    known[name] = value;
    return value;
  }

  /// `given`, or what the schedule says if it stands for that.
  Value follow(OpBuilder &builder, Location loc, Value context,
               DeclareOp declare, Value given, llvm::StringMap<Value> &known) {
    auto constant = [&](int64_t value) -> Value {
      return arith::ConstantIntOp::create(builder, loc, value, 32);
    };
    auto compare = [&](arith::CmpIPredicate predicate, Value a, Value b) {
      return arith::CmpIOp::create(builder, loc, predicate, a, b);
    };
    Value clock = read(builder, loc, context, stepParameter, known);
    if (declare.getPerEpoch()) {
      Value steps = read(builder, loc, context, epochStepsParameter, known);
      Value none = compare(arith::CmpIPredicate::eq, steps, constant(0));
      Value divisor =
          arith::SelectOp::create(builder, loc, none, constant(1), steps);
      Value epoch = arith::DivUIOp::create(builder, loc, clock, divisor);
      clock = arith::SelectOp::create(builder, loc, none, constant(0), epoch);
    }
    ArrayRef<int64_t> numbers = *declare.getSchedule();
    auto isLater = [&](Value step) {
      return compare(arith::CmpIPredicate::uge, clock, step);
    };
    Value value = constant(int32_t(declare.getValue()));
    if (numbers.size() > 2 * mostSelects) {
      value = search(builder, loc, declare, isLater);
    } else {
      for (size_t i = 0; i < numbers.size(); i += 2)
        value =
            arith::SelectOp::create(builder, loc, isLater(constant(numbers[i])),
                                    constant(numbers[i + 1]), value);
    }
    Value follows =
        compare(arith::CmpIPredicate::eq, given, constant(followsSchedule));
    return arith::SelectOp::create(builder, loc, follows, value, given);
  }

  /// The value of a long schedule, in tables: halves the part of them where the
  /// last change is that the step has reached.
  Value search(OpBuilder &builder, Location loc, DeclareOp declare,
               function_ref<Value(Value)> isLater) {
    ArrayRef<int64_t> numbers = *declare.getSchedule();
    SmallVector<int32_t> steps = {0}, values = {int32_t(declare.getValue())};
    for (size_t i = 0; i < numbers.size(); i += 2) {
      steps.push_back(int32_t(uint32_t(numbers[i])));
      values.push_back(int32_t(numbers[i + 1]));
    }
    size_t size = llvm::PowerOf2Ceil(steps.size());
    steps.resize(size, -1); // the last step there is
    values.resize(size, values.back());
    auto pointer = LLVM::LLVMPointerType::get(&getContext());
    auto tableOf = [&](ArrayRef<int32_t> table, StringRef suffix) {
      auto type =
          LLVM::LLVMArrayType::get(builder.getI32Type(), unsigned(size));
      OpBuilder atEnd = OpBuilder::atBlockEnd(getOperation().getBody());
      std::string name = (declare.getSymName() + suffix).str();
      if (!getOperation().lookupSymbol(name))
        LLVM::GlobalOp::create(atEnd, loc, type, /*isConstant=*/true,
                               LLVM::Linkage::Internal, name,
                               builder.getI32TensorAttr(table));
      return LLVM::AddressOfOp::create(builder, loc, pointer, name).getResult();
    };
    auto readAt = [&](Value table, Value index) -> Value {
      Value address =
          LLVM::GEPOp::create(builder, loc, pointer, builder.getI32Type(),
                              table, ArrayRef<LLVM::GEPArg>(index));
      return LLVM::LoadOp::create(builder, loc, builder.getI32Type(), address);
    };
    Value stepTable = tableOf(steps, ".steps");
    Value at = arith::ConstantIntOp::create(builder, loc, 0, 32);
    for (auto half = int32_t(size / 2); half > 0; half /= 2) {
      Value ahead =
          arith::ConstantIntOp::create(builder, loc, int64_t(half), 32);
      Value probe = arith::AddIOp::create(builder, loc, at, ahead);
      at = arith::SelectOp::create(
          builder, loc, isLater(readAt(stepTable, probe)), probe, at);
    }
    return readAt(tableOf(values, ".values"), at);
  }

  void passContext(func::CallOp call) {
    auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
        call, call.getCalleeAttr());
    auto caller = call->getParentOfType<func::FuncOp>();
    if (!callee || callee.isExternal() || !caller)
      return;
    call.getOperandsMutable().append(caller.getArguments().take_back());
  }

  llvm::StringMap<unsigned> slotOf;
  llvm::StringMap<DeclareOp> scheduled;
};
} // namespace
