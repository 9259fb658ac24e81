// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The flags of every tool that compiles and runs.
#include "CompileFlags.h"

using namespace mlir::prec;
namespace cl = llvm::cl;

cl::OptionCategory &CompileFlags::category() {
  static cl::OptionCategory category("compile options");
  return category;
}

CompileFlags::CompileFlags()
    : threads("threads", cl::init(1), cl::value_desc("N"),
              cl::desc("threads of parallel loops; 0: all cores; the results "
                       "do not depend on it"),
              cl::cat(category())),
      optLevel("opt-level", cl::init(2), cl::value_desc("0..3"),
               cl::desc("how much LLVM optimises; 2 suits the kernels"),
               cl::cat(category())),
      cpu("mcpu", cl::value_desc("name"),
          cl::desc("processor to compile for; default: this one"),
          cl::cat(category())),
      cacheDirectory("cache-dir", cl::value_desc("dir"),
                     cl::desc("where compiled objects are kept"),
                     cl::cat(category())),
      timing("print-timing", cl::value_desc("file"),
             cl::desc("write the seconds of each phase as JSON; - is standard "
                      "output"),
             cl::cat(category())),
      profile("profile", cl::ValueOptional, cl::value_desc("file"),
              cl::desc("measure each kernel: a table on standard error or in "
                       "the file; one that ends in .json is a trace for "
                       "chrome://tracing or Perfetto; the same bits"),
              cl::cat(category())),
      memory("print-memory",
             cl::desc("print the peak of the buffers of each function that "
                      "ran, and the largest of them, on standard error"),
             cl::cat(category())),
      noCache("no-cache", cl::desc("do not keep or use compiled objects"),
              cl::cat(category())),
      plain("plain-loops",
            cl::desc("scalar loops instead of fast kernels: the same bits, "
                     "slowly"),
            cl::cat(category())),
      recompute("recompute", cl::init(Recompute::Cheap),
                cl::desc("what may be computed again rather than kept, where "
                         "that lowers the peak of memory; no bit changes"),
                recomputeValues(), cl::cat(category())) {}

CompileOptions CompileFlags::options() const {
  CompileOptions options;
  options.engine.optLevel = optLevel;
  options.engine.cpu = cpu;
  options.engine.threads = threads;
  options.engine.cacheDirectory = cacheDirectory;
  options.engine.useCache = !noCache;
  options.codegen.fast = !plain;
  options.codegen.recompute = recompute;
  options.observe.profile = profile.getNumOccurrences() > 0;
  options.observe.profileFile = profile;
  options.observe.memory = memory;
  return options;
}
