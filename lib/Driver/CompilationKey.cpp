// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The key by which a compilation is found again.
#include "CompilationKey.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/MemoryBuffer.h"

#include <dlfcn.h>
#include <link.h>

using namespace mlir;
using namespace mlir::prec;

/// Program or library: whichever file holds this function.
static std::string hashOfThisCode() {
  Dl_info info;
  link_map *object = nullptr;
  if (!dladdr1(reinterpret_cast<void *>(&hashOfThisCode), &info,
               reinterpret_cast<void **>(&object), RTLD_DL_LINKMAP))
    return "";
  // The program itself has no name there, and may be called by a short one.
  StringRef path = *object->l_name ? object->l_name : "/proc/self/exe";
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                          /*RequiresNullTerminator=*/false);
  if (!file)
    return "";
  auto bytes = llvm::arrayRefFromStringRef((*file)->getBuffer());
  return llvm::toHex(llvm::BLAKE3::hash(bytes), /*LowerCase=*/true);
}

std::string mlir::prec::compilationKey(ModuleOp module,
                                       const CodegenOptions &options) {
  static const std::string code = hashOfThisCode();
  if (code.empty())
    return "";
  std::string key;
  llvm::raw_string_ostream stream(key);
  stream << code << ' ' << options.fast << ' ' << options.threads << ' '
         << options.threadGrain << ' ' << options.vectorBits << ' '
         << options.vectorRegisters << ' ' << options.profile << ' '
         << options.trackBuffers << ' ' << static_cast<int>(options.recompute)
         << '\n';
  module.print(stream); // as a whole: a part would leave resources' data out
  return key;
}
