// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One C type for every entry: a wrapper in IR that unpacks an array of
// pointers.
#include "prec/Execution/Compiler.h"

#include "llvm/ADT/Twine.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir::prec;
using llvm::createStringError;
using llvm::Error;
using llvm::StringRef;

std::string mlir::prec::invokeName(StringRef entry) {
  return ("__prec_invoke_" + entry).str();
}

/// The IR type of a scalar.
static llvm::Type *scalarType(DType dtype, llvm::LLVMContext &context) {
  switch (dtype) {
  case DType::F16:
    return llvm::Type::getHalfTy(context);
  case DType::BF16:
    return llvm::Type::getBFloatTy(context);
  case DType::F32:
    return llvm::Type::getFloatTy(context);
  case DType::F64:
    return llvm::Type::getDoubleTy(context);
  case DType::I1:
    return llvm::Type::getInt1Ty(context);
  default:
    return llvm::Type::getIntNTy(context, unsigned(8 * byteWidth(dtype)));
  }
}

Error mlir::prec::addInvoke(llvm::Module &module, const Signature &entry) {
  llvm::LLVMContext &context = module.getContext();
  llvm::Type *pointer = llvm::PointerType::getUnqual(context);
  llvm::Type *nothing = llvm::Type::getVoidTy(context);
  std::string name = "_mlir_ciface_" + entry.name;
  llvm::Function *target = module.getFunction(name);
  if (!target || target->isDeclaration())
    return createStringError("the compiled module has no function '" + name +
                             "', expected one for the entry @" + entry.name);

  // The type that the C interface gives this signature.
  bool returnsScalar =
      entry.results.size() == 1 && entry.results[0].kind == ValueKind::Scalar;
  bool storesResults = !entry.results.empty() && !returnsScalar;
  llvm::SmallVector<llvm::Type *> types;
  if (storesResults)
    types.push_back(pointer);
  for (const ValueInfo &argument : entry.arguments)
    types.push_back(argument.kind == ValueKind::Scalar
                        ? scalarType(argument.dtype, context)
                        : pointer);
  types.push_back(pointer);
  llvm::Type *result =
      returnsScalar ? scalarType(entry.results[0].dtype, context) : nothing;
  auto *expected = llvm::FunctionType::get(result, types, false);
  if (target->getFunctionType() != expected) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    stream << "'" << name << "': found the type " << *target->getFunctionType()
           << ", expected " << *expected << " from the signature of @"
           << entry.name;
    return createStringError(text);
  }

  auto *wrapper = llvm::Function::Create(
      llvm::FunctionType::get(nothing, {pointer}, false),
      llvm::Function::ExternalLinkage, invokeName(entry.name), module);
  llvm::IRBuilder<> builder(
      llvm::BasicBlock::Create(context, "entry", wrapper));
  auto argument = [&](size_t index) {
    return builder.CreateLoad(pointer, builder.CreateConstInBoundsGEP1_64(
                                           pointer, wrapper->getArg(0), index));
  };
  size_t count = entry.arguments.size();
  llvm::SmallVector<llvm::Value *> values;
  if (storesResults)
    values.push_back(argument(count + 1));
  for (size_t i = 0; i < count; ++i) {
    llvm::Value *value = argument(i);
    if (entry.arguments[i].kind == ValueKind::Scalar)
      value = builder.CreateLoad(scalarType(entry.arguments[i].dtype, context),
                                 value);
    values.push_back(value);
  }
  values.push_back(argument(count));
  llvm::CallInst *call = builder.CreateCall(target, values);
  if (returnsScalar)
    builder.CreateStore(call, argument(count + 1));
  builder.CreateRetVoid();
  return Error::success();
}
