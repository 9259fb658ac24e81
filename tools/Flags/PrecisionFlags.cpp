// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Collects the flags' values in the order of the command line for the builder.
#include "PrecisionFlags.h"
#include "prec/Numerics/Describe.h"
#include "prec/Policy/PolicyJson.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir::prec;
namespace cl = llvm::cl;
using llvm::StringRef;

namespace {
struct Help {
  const char *flag, *value, *text;
};
} // namespace

/// In the order of PolicyBuilder::flagNames().
static constexpr Help helps[] = {
    {"truncate-mantissa", "N",
     "keep N fraction bits of everything, toward zero: 0..23 on f32, 0..52 on "
     "f64"},
    {"truncate-bits", "N",
     "the same for a word of N bits: sign, 8 exponent bits, N-9 fraction bits"},
    {"format", "F", "the format of everything (--list-formats)"},
    {"rounding", "M",
     "the rounding mode; default: toward-zero after --truncate-*, else "
     "nearest-even"},
    {"granularity", "G", "elementary, op (default), layer or batch"},
    {"round", "SELECTOR=F[:M][@G][+ADDITION]",
     "one rule, stronger than the flags above: conv*.weight=e4m3:stochastic; "
     "ADDITION: feedback (a training step adds what the step before lost), "
     "amax (scaled by the largest magnitude; amax<N>: of the last N steps) "
     "or the rounding's gradient: straight-through, clipped, zero"},
    {"sum", "[SELECTOR=]ORDER",
     "the order of sums: sequential, pairwise, kahan, blocked<N>, "
     "blocked<N,FORMAT[:MODE]>; behind it :fused or :separate"},
    {"policy", "FILE",
     "rules from a JSON file or preset:NAME; flags after it "
     "win"},
    {"seed", "N", "the seed of all random bits, 0..4294967295"},
    {"loss-scale", "S",
     "scale the loss of a training step that is made: a power of two, dynamic "
     "or dynamic<START,STEPS>"},
    {"random", "KIND",
     "how random words are made: operands (default), counter or values"},
    {"random-key", "KEY",
     "position (default), or operands: the same operands round alike, as "
     "--random=values"},
    {"carrier", "C",
     "where + - * / sqrt fma on f32 whose results are rounded are computed: "
     "f32 (default) or f64"},
};

// LLVM keeps the addresses of categories for ever, but not those of flags.
cl::OptionCategory &PrecisionFlags::category() {
  static cl::OptionCategory theCategory("Precision");
  return theCategory;
}

PrecisionFlags::~PrecisionFlags() {
  for (const auto &text : texts)
    text->removeArgument();
  listFormats.removeArgument();
  describeFormat.removeArgument();
  printPolicy.removeArgument();
  strict.removeArgument();
  keepNarrow.removeArgument();
  widenNarrow.removeArgument();
}

PrecisionFlags::PrecisionFlags(PolicyBuilder::Options options, bool makesSteps)
    : options(options), makesSteps(makesSteps),
      listFormats("list-formats", cl::desc("print the table of formats"),
                  cl::cat(category())),
      describeFormat("describe-format", cl::value_desc("F"),
                     cl::desc("print layout, range and codes of a format"),
                     cl::cat(category())),
      printPolicy("print-policy",
                  cl::desc("print the merged policy as JSON and stop"),
                  cl::cat(category())),
      strict("strict-policy",
             cl::desc("a rule that matches nothing is an error"),
             cl::cat(category())),
      keepNarrow("keep-narrow",
                 cl::desc("leave operations on f16, bf16, f8 as they are "
                          "(default)"),
                 cl::cat(category())),
      widenNarrow("widen-narrow", cl::desc("compute them in f32 and round"),
                  cl::cat(category())) {
  for (auto [i, name] : llvm::enumerate(PolicyBuilder::flagNames())) {
    assert(name == helps[i].flag);
    texts.push_back(std::make_unique<TextFlag>(name, cl::desc(helps[i].text),
                                               cl::value_desc(helps[i].value),
                                               cl::cat(category())));
  }
}

llvm::Expected<Policy> PrecisionFlags::policy() const {
  struct Given {
    unsigned position;
    StringRef flag, value;
  };
  std::vector<Given> line;
  for (const auto &text : texts)
    for (size_t i = 0; i < text->size(); ++i)
      line.push_back({text->getPosition(i), text->ArgStr, (*text)[i]});
  llvm::sort(line, [](const Given &a, const Given &b) {
    return a.position < b.position;
  });
  PolicyBuilder builder(options);
  for (const Given &given : line) {
    if (given.flag == "loss-scale" && !makesSteps && !printPolicy)
      return llvm::createStringError(
          "--loss-scale=" + given.value +
          " has no effect: no training step is made here, but by prec-train "
          "and by the pass prec-make-training-step{loss-scale=S}");
    if (llvm::Error error = builder.apply(given.flag, given.value))
      return error;
  }
  llvm::Expected<Policy> policy = builder.finish();
  if (policy && strict)
    policy->strict = true;
  if (policy && (keepNarrow || widenNarrow))
    policy->widenNarrow =
        widenNarrow &&
        (!keepNarrow || widenNarrow.getPosition() > keepNarrow.getPosition());
  return policy;
}

std::optional<int> PrecisionFlags::answerAndStop() const {
  if (listFormats) {
    llvm::outs() << mlir::prec::listFormats();
    return 0;
  }
  if (describeFormat.getNumOccurrences()) {
    std::string error;
    std::optional<Format> format = Format::parse(describeFormat, &error);
    if (!format) {
      llvm::errs() << "error: --describe-format=" << describeFormat << ": "
                   << error << '\n';
      return 1;
    }
    llvm::outs() << mlir::prec::describeFormat(*format);
    return 0;
  }
  if (!printPolicy)
    return std::nullopt;
  llvm::Expected<Policy> merged = policy();
  if (!merged) {
    llvm::errs() << "error: " << llvm::toString(merged.takeError()) << '\n';
    return 1;
  }
  llvm::outs() << writePolicy(*merged);
  return 0;
}
