// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A description of a network in, MLIR out; a model in, a picture out.
#include "PrecisionFlags.h"
#include "prec/Driver/Compile.h"
#include "prec/Driver/Drawing.h"
#include "prec/Execution/Files.h"
#include "prec/Import/BuildModel.h"
#include "prec/Import/Network.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/WithColor.h"

using namespace mlir;
namespace cl = llvm::cl;

static cl::OptionCategory category("prec-translate's options");

static cl::opt<std::string>
    input(cl::Positional, cl::init("-"), cl::cat(category),
          cl::desc("<description, or model to draw: a file, a builtin's name, "
                   "or - >"));
static cl::opt<std::string> output("o", cl::init("-"), cl::cat(category),
                                   cl::value_desc("file"),
                                   cl::desc("where to write; - is standard "
                                            "output"));
static cl::opt<int64_t>
    batch("batch", cl::init(0), cl::cat(category), cl::value_desc("N"),
          cl::desc("samples in a batch; 0: known at run time"));
static cl::opt<bool> training(
    "training", cl::cat(category),
    cl::desc("batch norm by the batch's statistics, with next states"));
static cl::opt<bool> locations("locations", cl::cat(category),
                               cl::desc("print where layers were described"));

namespace {
enum class Action {
  ImportJson,
  ToDot,
  ToSvg,
  PrintSchema,
  PrintDescription,
  ListBuiltins
};
} // namespace

static cl::opt<Action> action(
    cl::desc("what to do:"), cl::Required, cl::cat(category),
    cl::values(clEnumValN(Action::ImportJson, "import-json",
                          "a description in JSON -> MLIR"),
               clEnumValN(Action::ToDot, "to-dot",
                          "a model -> a picture of its layers, for graphviz"),
               clEnumValN(Action::ToSvg, "to-svg",
                          "the same as SVG; needs graphviz's dot"),
               clEnumValN(Action::PrintSchema, "print-network-schema",
                          "print the JSON Schema of descriptions"),
               clEnumValN(Action::PrintDescription, "print-description",
                          "print a description, a builtin's too"),
               clEnumValN(Action::ListBuiltins, "list-builtins",
                          "print the names of the builtin descriptions")));

static llvm::Expected<std::string> importJson() {
  if (batch < 0 || batch > (1 << 24))
    return llvm::createStringError("--batch: expected 0..16777216, found " +
                                   llvm::Twine(batch));
  llvm::Expected<prec::Network> network = prec::readNetworkFile(input);
  if (!network)
    return network.takeError();
  prec::BuildOptions options;
  if (batch != 0)
    options.batch = batch;
  options.isTraining = training;
  MLIRContext context(MLIRContext::Threading::DISABLED);
  OwningOpRef<ModuleOp> module = prec::buildModel(context, *network, options);
  if (failed(verify(*module)))
    return llvm::createStringError("the module does not verify");
  std::string text;
  llvm::raw_string_ostream stream(text);
  OpPrintingFlags flags;
  if (locations)
    flags.enableDebugInfo(true, /*prettyForm=*/false);
  module->print(stream, flags);
  stream << '\n';
  return text;
}

static llvm::Expected<std::string> draw(const prec::Policy &policy) {
  for (const cl::Option *flag :
       {(const cl::Option *)&batch, (const cl::Option *)&locations})
    if (flag->getNumOccurrences())
      return llvm::createStringError("--" + flag->ArgStr +
                                     " has no effect on pictures");
  prec::Timing timing;
  llvm::Expected<prec::Model> model =
      prec::Model::load(input, timing, training);
  if (!model)
    return model.takeError();
  llvm::Expected<std::string> dot = prec::drawModel(model->module(), policy);
  if (!dot || action == Action::ToDot)
    return dot;
  return prec::renderSvg(*dot);
}

static llvm::Expected<std::string> run(const prec::PrecisionFlags &precision) {
  llvm::Expected<prec::Policy> policy = precision.policy();
  if (!policy)
    return policy.takeError();
  if (action == Action::ToDot || action == Action::ToSvg)
    return draw(*policy);
  if (!policy->rules.empty())
    return llvm::createStringError(
        "precision flags are for --to-dot and --to-svg: a "
        "translated model is not rounded; give them to prec-opt");
  if (action == Action::ImportJson)
    return importJson();
  if (action == Action::PrintSchema)
    return prec::networkSchema();
  if (action == Action::PrintDescription)
    return prec::readDescription(input);
  std::string text;
  for (const prec::BuiltinNetwork &builtin : prec::builtinNetworks())
    text += builtin.name.str() + "\n";
  return text;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  prec::PrecisionFlags precision;
  cl::HideUnrelatedOptions({&category, &prec::PrecisionFlags::category()});
  cl::ParseCommandLineOptions(argc, argv,
                              "prec-translate: networks from other forms\n");
  if (std::optional<int> code = precision.answerAndStop())
    return *code;
  llvm::Expected<std::string> text = run(precision);
  llvm::Error error =
      text ? prec::writeFile(output, llvm::arrayRefFromStringRef(*text))
           : text.takeError();
  if (!error)
    return 0;
  llvm::WithColor::error(llvm::errs(), "prec-translate")
      << llvm::toString(std::move(error)) << '\n';
  return 1;
}
