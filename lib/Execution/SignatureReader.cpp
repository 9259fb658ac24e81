// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Types to dtypes, and which dynamic sizes the operations tie to each other.
#include "prec/Execution/SignatureReader.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/EquivalenceClasses.h"

using namespace mlir;
using namespace mlir::prec;

static std::optional<DType> dtypeOf(Type type) {
  if (type.isF16())
    return DType::F16;
  if (type.isBF16())
    return DType::BF16;
  if (type.isF32())
    return DType::F32;
  if (type.isF64())
    return DType::F64;
  if (type.isIndex())
    return DType::I64;
  auto integer = dyn_cast<IntegerType>(type);
  if (!integer)
    return std::nullopt;
  if (integer.getWidth() == 1)
    return DType::I1;
  return parseDType((integer.isUnsigned() ? "u" : "i") +
                    std::to_string(integer.getWidth()));
}

namespace {

/// Dimension d of a value, or for d < 0 loop -1-d of an operation.
using Place = std::pair<void *, int64_t>;

/// Which sizes are equal, and which are known.
class Sizes {
public:
  explicit Sizes(func::FuncOp function) {
    function.walk([&](Operation *op) { visit(op); });
  }

  /// The number of a dynamic dimension of an argument: its known size, or a
  /// negative number for its class.
  int64_t sizeOf(Value value, int64_t dim) {
    Place leader = find(value, dim);
    if (auto size = known.find(leader); size != known.end())
      return size->second;
    auto [entry, isNew] =
        numbers.try_emplace(leader, kAnySize - 1 - int64_t(numbers.size()));
    return entry->second;
  }

private:
  Place find(Value value, int64_t dim) {
    return classes.getOrInsertLeaderValue({value.getAsOpaquePointer(), dim});
  }

  void tie(Place a, Place b) {
    a = classes.getOrInsertLeaderValue(a);
    b = classes.getOrInsertLeaderValue(b);
    std::optional<int64_t> size;
    for (Place place : {a, b})
      if (auto entry = known.find(place); entry != known.end())
        size = entry->second;
    Place leader = *classes.unionSets(a, b);
    if (size)
      known[leader] = *size;
  }
  /// A place of a value; its static size becomes known.
  Place place(Value value, int64_t dim) {
    Place result{value.getAsOpaquePointer(), dim};
    auto type = cast<ShapedType>(value.getType());
    if (!type.isDynamicDim(dim))
      known[classes.getOrInsertLeaderValue(result)] = type.getDimSize(dim);
    return result;
  }
  void tieAll(Value a, Value b) {
    auto from = dyn_cast<ShapedType>(a.getType());
    auto to = dyn_cast<ShapedType>(b.getType());
    if (!from || !to || !from.hasRank() || !to.hasRank() ||
        from.getRank() != to.getRank())
      return;
    for (int64_t d = 0; d < from.getRank(); ++d)
      tie(place(a, d), place(b, d));
  }

  void visit(Operation *op) {
    if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op)) {
      for (OpOperand &operand : op->getOpOperands()) {
        AffineMap map = linalgOp.getMatchingIndexingMap(&operand);
        for (auto [dim, expression] : llvm::enumerate(map.getResults()))
          if (auto loop = dyn_cast<AffineDimExpr>(expression))
            tie(place(operand.get(), dim),
                {op, -1 - int64_t(loop.getPosition())});
      }
    }
    if (auto writer = dyn_cast<DestinationStyleOpInterface>(op))
      for (OpResult result : op->getResults())
        tieAll(result, writer.getTiedOpOperand(result)->get());
    if (isa<tensor::CastOp, memref::CastOp>(op))
      tieAll(op->getOperand(0), op->getResult(0));
    if (OpTrait::hasElementwiseMappableTraits(op))
      for (Value operand : op->getOperands())
        tieAll(operand, op->getResult(0));
    if (isa<tensor::EmptyOp>(op)) {
      auto type = cast<ShapedType>(op->getResult(0).getType());
      unsigned next = 0;
      for (int64_t d = 0; d < type.getRank(); ++d)
        if (type.isDynamicDim(d))
          tieToDim(op->getResult(0), d, op->getOperand(next++));
    }
  }

  /// Ties a dimension to the one that `size` reads, if it reads one.
  void tieToDim(Value value, int64_t dim, Value size) {
    auto read = size.getDefiningOp<tensor::DimOp>();
    if (!read)
      return;
    if (std::optional<int64_t> index = read.getConstantIndex())
      tie(place(value, dim), place(read.getSource(), *index));
  }

  llvm::EquivalenceClasses<Place> classes;
  llvm::DenseMap<Place, int64_t> known, numbers;
};

} // namespace

/// Everything but the numbers of dynamic sizes.
static FailureOr<ValueInfo> readValue(Type type, DictionaryAttr attributes) {
  ValueInfo info;
  if (attributes) {
    if (auto name = attributes.getAs<StringAttr>("prec.name"))
      info.name = name.str();
    if (auto init = attributes.getAs<StringAttr>("prec.init"))
      info.init = init.str();
    if (auto role = attributes.getAs<StringAttr>("prec.role"))
      info.role = role.str();
  }
  Type element = type;
  if (isa<RankedTensorType, MemRefType>(type)) {
    auto shaped = cast<ShapedType>(type);
    info.kind = isa<MemRefType>(type) ? ValueKind::Memref : ValueKind::Tensor;
    element = shaped.getElementType();
    for (int64_t dim : shaped.getShape())
      info.shape.push_back(ShapedType::isDynamic(dim) ? kAnySize : dim);
  } else {
    info.kind = ValueKind::Scalar;
  }
  std::optional<DType> dtype = dtypeOf(element);
  if (!dtype)
    return failure();
  info.dtype = *dtype;
  // MLIR's integers carry no sign; an attribute says how files hold them.
  if (attributes)
    if (auto word = attributes.getAs<StringAttr>("prec.dtype"))
      if (std::optional<DType> named = parseDType(word.getValue());
          named && isCompatible(*named, *dtype))
        info.dtype = *named;
  return info;
}

FailureOr<Signature> mlir::prec::readSignature(func::FuncOp function) {
  Signature signature;
  signature.name = function.getName().str();
  auto refuse = [&](const Twine &what, Type type) {
    return function.emitError()
           << what << " of @" << function.getName() << " has type " << type
           << ", expected a scalar, ranked tensor or memref of f16, bf16, f32, "
              "f64, i1, i8, i16, i32, i64 or index";
  };
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
    auto info = readValue(type, function.getArgAttrDict(i));
    if (failed(info))
      return refuse("argument " + Twine(i), type);
    signature.arguments.push_back(std::move(*info));
  }
  for (auto [i, type] : llvm::enumerate(function.getResultTypes())) {
    auto info = readValue(type, function.getResultAttrDict(i));
    if (failed(info))
      return refuse("result " + Twine(i), type);
    signature.results.push_back(std::move(*info));
  }
  Sizes sizes(function);
  if (!function.isDeclaration())
    for (auto [info, argument] :
         llvm::zip(signature.arguments, function.getArguments()))
      for (auto [d, dim] : llvm::enumerate(info.shape))
        if (dim == kAnySize)
          dim = sizes.sizeOf(argument, d);
  return signature;
}

SmallVector<func::FuncOp> mlir::prec::entriesOf(ModuleOp module) {
  SmallVector<func::FuncOp> entries;
  for (auto function : module.getOps<func::FuncOp>())
    if (function.isPublic() && !function.isDeclaration())
      entries.push_back(function);
  return entries;
}
