// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where descriptions come from: builtins, files, standard input.
#include "NetworkReader.h"
#include "prec/Numerics/Spelling.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir::prec;
using llvm::StringRef;

static constexpr BuiltinNetwork builtins[] = {
#include "Builtins.inc"
};

llvm::ArrayRef<BuiltinNetwork> mlir::prec::builtinNetworks() {
  return builtins;
}

llvm::Expected<Network> mlir::prec::readNetwork(StringRef text,
                                                StringRef name) {
  JsonSource source{text, name};
  if (text.size() > maxNetworkBytes)
    return llvm::createStringError(name + ": expected at most " +
                                   llvm::Twine(maxNetworkBytes) +
                                   " bytes, found " + llvm::Twine(text.size()));
  llvm::Expected<JsonNode> root = parseJson(source);
  if (!root)
    return root.takeError();
  return NetworkReader(source).read(*root);
}

llvm::Expected<Network> mlir::prec::readNetworkFile(StringRef pathOrName) {
  llvm::Expected<std::string> text = readDescription(pathOrName);
  if (!text)
    return text.takeError();
  return readNetwork(*text, pathOrName == "-" ? "<stdin>" : pathOrName);
}

llvm::Expected<std::string> mlir::prec::readDescription(StringRef pathOrName) {
  for (const BuiltinNetwork &builtin : builtins)
    if (builtin.name == pathOrName)
      return builtin.text.str();
  bool isInput = pathOrName == "-";
  auto file = isInput ? llvm::MemoryBuffer::getSTDIN()
                      : llvm::MemoryBuffer::getFile(pathOrName, false, false,
                                                    /*IsVolatile=*/true);
  if (file)
    return (*file)->getBuffer().str();
  std::string message =
      ("cannot read '" + pathOrName + "': " + file.getError().message()).str();
  // A word that is no path was meant as a builtin's name.
  if (!pathOrName.contains('/') && !pathOrName.contains('.')) {
    std::vector<std::string_view> legal;
    for (const BuiltinNetwork &builtin : builtins)
      legal.push_back(builtin.name);
    message += "; " + unknownWord("builtin", pathOrName, legal);
  }
  return llvm::createStringError(message);
}
