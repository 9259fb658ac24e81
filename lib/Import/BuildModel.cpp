// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Builds the functions of a module, layer by layer.
#include "prec/Import/BuildModel.h"
#include "LayerBuilder.h"
#include "Layers.h"
#include "prec/IR/PrecDialect.h"
#include "prec/Import/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::prec;

namespace {
/// Gives what is built the scope of its layer; what stands in the body of a
/// linalg operation has its scope from there.
class ScopeListener : public OpBuilder::Listener {
public:
  StringAttr scope;

  void notifyOperationInserted(Operation *op, OpBuilder::InsertPoint) override {
    Operation *parent = op->getParentOp();
    if (scope && parent && !isa<linalg::LinalgOp>(parent))
      op->setAttr(scopeAttrName, scope);
  }
};

/// One function under construction.
class FunctionBuilder {
public:
  FunctionBuilder(const Network &network, const BuildOptions &options,
                  ModuleOp module)
      : network(network), options(options), module(module),
        builder(module.getBodyRegion()) {}

  func::FuncOp build(StringRef name, bool isTraining);

private:
  void addArguments();
  void addArgument(ArrayRef<int64_t> shape, Type element, const Twine &name,
                   StringRef role, StringRef init);
  Value buildLayer(const Layer &layer, bool isTraining);
  void addResults(SmallVector<Value> results);
  Location locationOf(const Layer &layer);

  const Network &network;
  const BuildOptions &options;
  ModuleOp module;
  OpBuilder builder;
  ScopeListener listener;
  func::FuncOp function;
  SmallVector<DictionaryAttr> argumentAttrs;
  /// By "LAYER.KEY"; `states` in the order of the arguments.
  llvm::StringMap<Value> parameters, nextStates;
  SmallVector<std::string> states;
  SmallVector<Value> values; ///< inputs, then layers
  Value batch;
};
} // namespace

Location FunctionBuilder::locationOf(const Layer &layer) {
  Location place = FileLineColLoc::get(builder.getContext(), network.file,
                                       layer.line, layer.column);
  return NameLoc::get(builder.getStringAttr(layer.name), place);
}

void FunctionBuilder::addArgument(ArrayRef<int64_t> shape, Type element,
                                  const Twine &name, StringRef role,
                                  StringRef init) {
  SmallVector<NamedAttribute> attrs = {
      builder.getNamedAttr(nameAttrName, builder.getStringAttr(name)),
      builder.getNamedAttr(roleAttrName, builder.getStringAttr(role))};
  if (!init.empty())
    attrs.push_back(
        builder.getNamedAttr(initAttrName, builder.getStringAttr(init)));
  argumentAttrs.push_back(builder.getDictionaryAttr(attrs));
  function.getBody().front().addArgument(RankedTensorType::get(shape, element),
                                         function.getLoc());
}

/// Weights, then states, then inputs.
void FunctionBuilder::addArguments() {
  Block &block = function.getBody().front();
  for (bool isState : {false, true})
    for (const Layer &layer : network.layers)
      for (const LayerParameter &parameter : layer.parameters) {
        if (parameter.isState != isState)
          continue;
        std::string name = layer.name + "." + parameter.key;
        addArgument(parameter.sizes, builder.getF32Type(), name,
                    isState ? "state" : "weight", parameter.init);
        parameters[name] = block.getArguments().back();
        if (isState)
          states.push_back(name);
      }
  for (const Network::Input &input : network.inputs) {
    SmallVector<int64_t> shape = {options.batch.value_or(ShapedType::kDynamic)};
    llvm::append_range(shape, input.shape.sizes);
    Type element = input.shape.isTokens ? Type(builder.getI32Type())
                                        : Type(builder.getF32Type());
    addArgument(shape, element, input.name, "input", "");
    values.push_back(block.getArguments().back());
  }
}

Value FunctionBuilder::buildLayer(const Layer &layer, bool isTraining) {
  LayerBuilder b(locationOf(layer), layer, &function.getBody().front(),
                 &listener);
  listener.scope = builder.getStringAttr(layer.name);
  if (!options.batch && !batch)
    batch = tensor::DimOp::create(b, values.front(), 0);
  b.batch = batch;
  b.staticBatch = options.batch.value_or(ShapedType::kDynamic);
  b.isTraining = isTraining;
  for (unsigned input : layer.inputs)
    b.inputs.push_back(values[input]);
  for (const LayerParameter &parameter : layer.parameters)
    b.parameters[parameter.key] =
        parameters.lookup(layer.name + "." + parameter.key);
  Value value = layer.type->build(b);
  for (auto &state : b.nextStates)
    nextStates[layer.name + "." + state.getKey().str()] = state.getValue();
  listener.scope = {};
  return value;
}

void FunctionBuilder::addResults(SmallVector<Value> results) {
  SmallVector<DictionaryAttr> attrs = {builder.getDictionaryAttr(
      builder.getNamedAttr(nameAttrName, builder.getStringAttr("logits")))};
  for (const std::string &state : states)
    if (Value next = nextStates.lookup(state)) {
      results.push_back(next);
      attrs.push_back(builder.getDictionaryAttr(
          {builder.getNamedAttr(nameAttrName, builder.getStringAttr(state)),
           builder.getNamedAttr(roleAttrName,
                                builder.getStringAttr("state"))}));
    }
  Block &block = function.getBody().front();
  OpBuilder end(&block, block.end());
  func::ReturnOp::create(end, function.getLoc(), results);
  function.setFunctionType(builder.getFunctionType(
      block.getArgumentTypes(), ValueRange(results).getTypes()));
  function.setAllArgAttrs(argumentAttrs);
  function.setAllResultAttrs(attrs);
}

func::FuncOp FunctionBuilder::build(StringRef name, bool isTraining) {
  function = func::FuncOp::create(
      builder, FileLineColLoc::get(builder.getContext(), network.file, 1, 1),
      name, builder.getFunctionType({}, {}));
  function.addEntryBlock();
  addArguments();
  for (const Layer &layer : network.layers)
    values.push_back(buildLayer(layer, isTraining));
  addResults({values[network.output]});
  return function;
}

OwningOpRef<ModuleOp> mlir::prec::buildModel(MLIRContext &context,
                                             const Network &network,
                                             const BuildOptions &options) {
  context.loadDialect<PrecDialect, arith::ArithDialect, func::FuncDialect,
                      linalg::LinalgDialect, math::MathDialect, scf::SCFDialect,
                      tensor::TensorDialect>();
  OwningOpRef<ModuleOp> module = ModuleOp::create(
      FileLineColLoc::get(&context, network.file, 1, 1),
      network.name.empty() ? std::nullopt : std::optional(network.name));
  bool isRandom = llvm::any_of(network.layers, [](const Layer &layer) {
    return layer.type == &dropoutLayer;
  });
  if (options.isTraining && isRandom) {
    declareRunNumbers(*module);
  }
  bool hasStates = llvm::any_of(network.layers, [](const Layer &layer) {
    return llvm::any_of(layer.parameters, [](const LayerParameter &parameter) {
      return parameter.isState;
    });
  });
  func::FuncOp forward = FunctionBuilder(network, options, *module)
                             .build("forward", options.isTraining);
  Builder attributes(&context);
  if (!network.loss.empty())
    forward->setAttr(lossAttrName, attributes.getStringAttr(network.loss));
  if (options.isTraining && (hasStates || isRandom)) {
    BuildOptions inUse = options;
    inUse.batch.reset();
    func::FuncOp predict =
        FunctionBuilder(network, inUse, *module).build("predict", false);
    predict->setAttr(phaseAttrName, attributes.getStringAttr("eval"));
  }
  return module;
}
