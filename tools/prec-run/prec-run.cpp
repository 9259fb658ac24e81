// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Runs one function of a model on arrays from files.
#include "CompileFlags.h"
#include "PrecisionFlags.h"
#include "prec/Driver/RoundArrayFile.h"
#include "prec/Driver/Run.h"

#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/WithColor.h"

using namespace mlir::prec;
namespace cl = llvm::cl;

static int report(llvm::Error error) {
  if (!error)
    return 0;
  llvm::WithColor::error(llvm::errs(), "prec-run")
      << llvm::toString(std::move(error)) << '\n';
  return 1;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  // libLLVM's own options (one is --threads) are not this tool's.
  cl::ResetCommandLineParser();
  cl::OptionCategory category("prec-run options");
  cl::opt<std::string> model(cl::Positional, cl::desc("MODEL"), cl::init(""),
                             cl::cat(category));
  cl::opt<std::string> entry(
      "entry", cl::value_desc("name"),
      cl::desc("function to run; default: the only public one"),
      cl::cat(category));
  cl::list<std::string> inputs(
      "input", cl::value_desc("[NAME=]x.npy"),
      cl::desc("an argument, in the order of the signature unless named"),
      cl::cat(category));
  cl::list<std::string> outputs(
      "output", cl::value_desc("[NAME=]y.npy"),
      cl::desc("where a result goes; without any, results are printed"),
      cl::cat(category));
  cl::opt<std::string> weights("weights", cl::value_desc("w.npz"),
                               cl::desc("arguments by name"),
                               cl::cat(category));
  cl::opt<uint32_t> step(
      "step", cl::init(0),
      cl::desc("training step, for random bits and schedules"),
      cl::cat(category));
  cl::opt<unsigned> repeat("repeat", cl::init(1), cl::desc("run N times"),
                           cl::cat(category));
  cl::opt<bool> roundTheArray(
      "round-array", cl::desc("no model: round the array --input to --output"),
      cl::cat(category));
  cl::opt<bool> encode(
      "encode",
      cl::desc("with --round-array: write the codes, one unsigned integer for "
               "each element; a second --output gets the shared scales"),
      cl::cat(category));
  CompileFlags compileFlags;
  PrecisionFlags precision;
  cl::HideUnrelatedOptions(
      {&category, &CompileFlags::category(), &PrecisionFlags::category()});
  cl::ParseCommandLineOptions(
      argc, argv, "runs a function of a model, rounded as the flags say\n");
  if (std::optional<int> code = precision.answerAndStop())
    return *code;
  llvm::Expected<Policy> policy = precision.policy();
  if (!policy)
    return report(policy.takeError());

  if (roundTheArray) {
    if (!model.empty() || inputs.size() != 1 || outputs.empty() ||
        outputs.size() > 1u + encode || policy->empty())
      return report(llvm::createStringError(
          "--round-array takes no model, one --input, one --output (with "
          "--encode a second one for scales) and --format or --truncate-*"));
    return report(roundArrayFile({inputs[0], outputs[0],
                                  outputs.size() > 1 ? outputs[1] : "", encode,
                                  step, *policy}));
  }
  if (encode)
    return report(
        llvm::createStringError("--encode goes with --round-array only"));
  if (model.empty())
    return report(llvm::createStringError(
        "no model given; expected a file or '-' for standard input"));
  RunOptions options{model,
                     entry,
                     {inputs.begin(), inputs.end()},
                     {outputs.begin(), outputs.end()},
                     weights,
                     step,
                     repeat,
                     compileFlags.timingFile(),
                     *policy,
                     compileFlags.options()};
  return report(runModel(options, llvm::outs()));
}
