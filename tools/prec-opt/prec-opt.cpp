// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// MLIR in, MLIR out: rounding inserted by flags, passes by name.
#include "PrecisionFlags.h"
#include "prec/Analysis/LayerTable.h"
#include "prec/Analysis/Survival.h"
#include "prec/Driver/Compile.h"
#include "prec/Driver/Registration.h"
#include "prec/Execution/Files.h"
#include "prec/IR/Prepare.h"
#include "prec/Policy/PolicyJson.h"
#include "prec/Transforms/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/WithColor.h"

using namespace mlir;
using namespace mlir::prec;
namespace cl = llvm::cl;

static int fail(const llvm::Twine &message) {
  llvm::WithColor::error(llvm::errs(), "prec-opt") << message << '\n';
  return 1;
}

static int fail(llvm::Error error) {
  return fail(llvm::toString(std::move(error)));
}

/// Where to stop.
enum class Stage { Graph, Rounded, Lowered, LLVM };

/// The LLVM IR of a module in MLIR's LLVM dialect.
static llvm::Expected<std::string> translate(llvm::StringRef text) {
  llvm::Expected<Model> model = Model::parse(text, "lowered module");
  if (!model)
    return model.takeError();
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module =
      translateToLLVMIR(model->module(), context);
  if (!module)
    return llvm::createStringError("translation to LLVM IR failed");
  std::string result;
  llvm::raw_string_ostream os(result);
  module->print(os, nullptr);
  return result;
}

/// `--diff-policy a.json b.json MODEL`.
static int comparePolicies(ArrayRef<std::string> files, StringRef model) {
  if (files.size() != 2)
    return fail("--diff-policy compares two policies, found " +
                llvm::Twine(files.size()));
  SiteReport reports[2];
  for (auto [file, report] : llvm::zip_equal(files, reports)) {
    llvm::Expected<Policy> policy = readPolicyFile(file);
    if (!policy)
      return fail(policy.takeError());
    Timing timing;
    llvm::Expected<Model> loaded = Model::load(model, timing);
    if (!loaded)
      return fail(loaded.takeError());
    if (failed(insertRounding(loaded->module(), *policy, &report)))
      return 1;
  }
  printDifference(reports[0], reports[1], llvm::outs());
  return 0;
}

/// `--summary MODEL`: the layers as insertion would see them.
static int summarise(StringRef model) {
  Timing timing;
  llvm::Expected<Model> loaded = Model::load(model, timing);
  if (!loaded)
    return fail(loaded.takeError());
  if (failed(inlineCalls(loaded->module())) ||
      failed(decomposeComposites(loaded->module())))
    return 1;
  printLayerTables(loaded->module(), llvm::outs());
  return 0;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  // libLLVM's own options are not this tool's.
  cl::ResetCommandLineParser();
  DialectRegistry registry;
  registerDialects(registry);
  registerPasses();

  cl::OptionCategory category("prec-opt options");
  cl::opt<Stage> emit(
      "emit", cl::desc("the stage to stop at"), cl::init(Stage::Rounded),
      cl::values(
          clEnumValN(Stage::Graph, "graph", "the model as it came"),
          clEnumValN(Stage::Rounded, "rounded", "with rounding (default)"),
          clEnumValN(Stage::Lowered, "lowered", "MLIR's LLVM dialect"),
          clEnumValN(Stage::LLVM, "llvm", "LLVM IR")),
      cl::cat(category));
  cl::opt<ReportForm> reportSites(
      "report-sites", cl::ValueOptional,
      cl::desc("print the table of sites; the module only "
               "goes to a file given by -o"),
      cl::values(clEnumValN(ReportForm::Text, "text", "a table (default)"),
                 clEnumValN(ReportForm::Text, "", ""),
                 clEnumValN(ReportForm::Json, "json", "an array of objects"),
                 clEnumValN(ReportForm::Csv, "csv", "RFC 4180 with a header"),
                 clEnumValN(ReportForm::Summary, "summary",
                            "how many bits where, one line a layer")),
      cl::cat(category));
  cl::opt<std::string> explain(
      "explain", cl::value_desc("SITE|SCOPE"),
      cl::desc("print the rule that decides about a site, and the others that "
               "match; a number from 0, or a pattern for scopes"),
      cl::cat(category));
  cl::list<std::string> diffPolicy(
      "diff-policy", cl::value_desc("a.json b.json"), cl::multi_val(2),
      cl::desc("list the sites of the model that two policies treat "
               "differently, and stop"),
      cl::cat(category));
  cl::opt<bool> summary(
      "summary",
      cl::desc("print a table of the model's layers (a file, or a builtin's "
               "name), and stop"),
      cl::cat(category));
  PrecisionFlags precision;
  auto [input, output] = registerAndParseCLIOptions(
      argc, argv, "prec-opt: precision as a flag\n", registry);
  if (std::optional<int> code = precision.answerAndStop())
    return *code;
  llvm::Expected<Policy> policy = precision.policy();
  if (!policy)
    return fail(policy.takeError());
  if (!diffPolicy.empty())
    return comparePolicies(diffPolicy, input);
  if (summary && !policy->rules.empty())
    return fail(llvm::createStringError(
        "precision flags have no effect on --summary, which shows no bits; "
        "--report-sites=summary does"));
  if (summary)
    return summarise(input);

  MlirOptMainConfig named = MlirOptMainConfig::createFromCLOptions();
  MlirOptMainConfig config = named;
  SiteReport report;
  bool asked = reportSites.getNumOccurrences() || explain.getNumOccurrences();
  // One pass manager for each part of a split input.
  std::vector<std::shared_ptr<SurvivalCheck::Outcome>> survival;
  config.setPassPipelineSetupFn([&](PassManager &pm) {
    survival.push_back(addSurvivalCheck(pm));
    // What the model's author wrote counts for a report without a policy.
    if (emit != Stage::Graph && (!policy->empty() || asked))
      pm.addPass(createInsertRounding(*policy, &report));
    if (failed(named.setupPassPipeline(pm)))
      return failure();
    if (emit == Stage::Lowered || emit == Stage::LLVM)
      buildCodegenPipeline(pm, CodegenOptions());
    return success();
  });

  auto buffer = openModel(input);
  if (!buffer)
    return fail(buffer.takeError());
  std::string text;
  llvm::raw_string_ostream os(text);
  if (failed(MlirOptMain(os, std::move(*buffer), registry, config)))
    return 1;
  if (llvm::any_of(survival,
                   [](auto &outcome) { return outcome->lostOne.load(); }))
    return 1;

  if (reportSites.getNumOccurrences())
    report.print(reportSites, llvm::outs());
  if (explain.getNumOccurrences() &&
      failed(report.explain(explain, llvm::outs())))
    return fail("no site " + llvm::Twine(explain) +
                "; --report-sites lists them");
  if (asked && output == "-")
    return 0;
  if (emit == Stage::LLVM) {
    llvm::Expected<std::string> translated = translate(text);
    if (!translated)
      return fail(translated.takeError());
    text = std::move(*translated);
  }
  if (llvm::Error failure =
          writeFile(output, llvm::ArrayRef<uint8_t>(
                                reinterpret_cast<const uint8_t *>(text.data()),
                                text.size())))
    return fail(std::move(failure));
  return 0;
}
