// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads policies from files without trusting them: bounded size, bounded depth
// of inclusion, no cycles.
#include "PolicyFiles.h"
#include "prec/Numerics/Spelling.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir::prec;
using llvm::StringRef;

static constexpr llvm::StringLiteral presetPrefix = "preset:";

llvm::ArrayRef<Preset> mlir::prec::presets() {
  static constexpr Preset all[] = {
#include "Presets.inc"
  };
  return all;
}

/// Works for pipes and devices too, which have no size.
static llvm::Expected<std::string> readBounded(StringRef path) {
  auto fail = [&](const llvm::Twine &what) {
    return llvm::createStringError("cannot read policy '" + path +
                                   "': " + what);
  };
  bool isStdin = path == "-";
  llvm::Expected<llvm::sys::fs::file_t> file =
      isStdin ? llvm::sys::fs::getStdinHandle()
              : llvm::sys::fs::openNativeFileForRead(path);
  if (!file)
    return fail(llvm::toString(file.takeError()));
  llvm::SmallString<0> buffer;
  llvm::Error error = llvm::Error::success();
  while (!error && buffer.size() <= maxPolicyBytes) {
    size_t size = buffer.size();
    buffer.resize(size + (64 << 10));
    llvm::Expected<size_t> numRead = llvm::sys::fs::readNativeFile(
        *file,
        llvm::MutableArrayRef(buffer.data() + size, buffer.size() - size));
    buffer.resize(size + (numRead ? *numRead : 0));
    if (!numRead)
      error = numRead.takeError();
    else if (*numRead == 0)
      break;
  }
  if (!isStdin)
    (void)llvm::sys::fs::closeFile(*file);
  if (error)
    return fail(llvm::toString(std::move(error)));
  if (buffer.size() > maxPolicyBytes)
    return fail("it is larger than " + llvm::Twine(maxPolicyBytes >> 20) +
                " MiB");
  return buffer.str().str();
}

llvm::Expected<Policy> PolicyFiles::readText(StringRef text, StringRef name) {
  if (text.size() > maxPolicyBytes)
    return llvm::createStringError("policy '" + name + "' is larger than " +
                                   llvm::Twine(maxPolicyBytes >> 20) + " MiB");
  chain.push_back(name.str());
  llvm::Expected<Policy> policy = readPolicyText(text, name, *this);
  chain.pop_back();
  return policy;
}

llvm::Expected<Policy> PolicyFiles::read(StringRef path) {
  if (llvm::is_contained(chain, path)) {
    std::string cycle;
    for (const std::string &name : chain)
      cycle += name + " -> ";
    return llvm::createStringError("cyclic inclusion: " + cycle + path);
  }
  if (chain.size() == maxDepth || ++numFiles > maxFiles)
    return llvm::createStringError("'" + path + "' goes too far: at most " +
                                   llvm::Twine(maxDepth) + " files deep and " +
                                   llvm::Twine(maxFiles) + " in all");
  StringRef name = path;
  if (name.consume_front(presetPrefix)) {
    std::vector<std::string_view> names;
    for (const Preset &preset : presets()) {
      if (preset.name == name)
        return readText(preset.text, path);
      names.push_back(preset.name);
    }
    return llvm::createStringError(unknownWord("preset", name, names));
  }
  llvm::Expected<std::string> text = readBounded(path);
  if (!text)
    return text.takeError();
  return readText(*text, path == "-" ? "<stdin>" : path);
}

llvm::Expected<Policy> PolicyFiles::include(StringRef path) {
  if (path == "-")
    return llvm::createStringError("standard input cannot be included");
  if (path.starts_with(presetPrefix) || llvm::sys::path::is_absolute(path))
    return read(path);
  llvm::SmallString<128> beside(llvm::sys::path::parent_path(chain.back()));
  llvm::sys::path::append(beside, path);
  llvm::sys::path::remove_dots(beside, /*remove_dot_dot=*/true);
  return read(beside);
}

llvm::Expected<Policy> mlir::prec::readPolicy(StringRef text, StringRef name) {
  return PolicyFiles().readText(text, name);
}

llvm::Expected<Policy> mlir::prec::readPolicyFile(StringRef path) {
  return PolicyFiles().read(path);
}
