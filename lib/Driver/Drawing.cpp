// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Pictures of models, coloured by a policy.
#include "prec/Driver/Drawing.h"
#include "prec/Driver/Compile.h"
#include "prec/IR/Prepare.h"
#include "prec/Transforms/LayerDrawing.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"

using namespace mlir;
using namespace mlir::prec;

llvm::Expected<std::string> mlir::prec::drawModel(ModuleOp module,
                                                  const Policy &policy) {
  if (failed(inlineCalls(module)) || failed(decomposeComposites(module)))
    return llvm::createStringError("cannot inline the model's functions");
  SiteReport report;
  if (!policy.rules.empty()) {
    OwningOpRef<ModuleOp> rounded = module.clone();
    if (failed(insertRounding(*rounded, policy, &report)))
      return llvm::createStringError("cannot round the model");
  }
  std::string text;
  llvm::raw_string_ostream os(text);
  drawLayers(module, policy.rules.empty() ? nullptr : &report, os);
  return text;
}

llvm::Expected<std::string> mlir::prec::renderSvg(StringRef dot) {
  llvm::ErrorOr<std::string> program = llvm::sys::findProgramByName("dot");
  if (!program)
    return llvm::createStringError(
        "--to-svg needs graphviz's program 'dot', which is not on the PATH; "
        "install it (apt-get install graphviz), or use --to-dot");
  SmallString<128> paths[3];
  std::vector<llvm::FileRemover> removers;
  for (SmallString<128> &path : paths) {
    if (std::error_code code =
            llvm::sys::fs::createTemporaryFile("prec", "dot", path))
      return llvm::createStringError("cannot make a temporary file: " +
                                     code.message());
    removers.emplace_back(path);
  }
  std::error_code code;
  {
    llvm::raw_fd_ostream input(paths[0], code);
    if (!code) {
      input << dot;
      input.close();
      code = input.error();
      input.clear_error();
    }
  }
  if (code)
    return llvm::createStringError("cannot write '" + paths[0] +
                                   "': " + code.message());
  std::optional<StringRef> redirects[] = {paths[0].str(), paths[1].str(),
                                          paths[2].str()};
  std::string fault;
  int status = llvm::sys::ExecuteAndWait(*program, {*program, "-Tsvg"},
                                         std::nullopt, redirects, 0, 0, &fault);
  auto read = [](StringRef path) {
    auto buffer = llvm::MemoryBuffer::getFile(path);
    return buffer ? (*buffer)->getBuffer().str() : std::string();
  };
  std::string svg = read(paths[1]);
  if (status == 0 && !svg.empty())
    return svg;
  std::string said = fault + StringRef(read(paths[2])).trim().str();
  return llvm::createStringError("'" + *program + " -Tsvg' failed" +
                                 (said.empty() ? "" : ": " + said));
}
