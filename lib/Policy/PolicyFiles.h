// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where the text of a policy comes from: files, standard input, the policies
// shipped with the program, and what these include.
#ifndef PREC_LIB_POLICY_POLICYFILES_H
#define PREC_LIB_POLICY_POLICYFILES_H

#include "prec/Policy/PolicyJson.h"

namespace mlir::prec {

/// The chain of files that are being read.
class PolicyFiles {
public:
  /// Reads `path`, `preset:NAME` or `-` as the first of a chain.
  llvm::Expected<Policy> read(llvm::StringRef path);
  /// Reads a text that is already there as the first of a chain.
  llvm::Expected<Policy> readText(llvm::StringRef text, llvm::StringRef name);
  /// Reads what the last file of the chain includes; a relative path starts
  /// from that file's folder.
  llvm::Expected<Policy> include(llvm::StringRef path);

private:
  static constexpr unsigned maxDepth = 16;
  static constexpr unsigned maxFiles = 100;

  std::vector<std::string> chain;
  unsigned numFiles = 0;
};

/// Reads one text; `files` reads what it includes.
llvm::Expected<Policy> readPolicyText(llvm::StringRef text,
                                      llvm::StringRef name, PolicyFiles &files);

} // namespace mlir::prec

#endif // PREC_LIB_POLICY_POLICYFILES_H
