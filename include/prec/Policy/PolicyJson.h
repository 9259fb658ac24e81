// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A policy as JSON text, in and out. docs/policy.md teaches the format,
// docs/policy.schema.json states it.
#ifndef PREC_POLICY_POLICYJSON_H
#define PREC_POLICY_POLICYJSON_H

#include "prec/Policy/Policy.h"

namespace mlir::prec {

/// Larger texts are refused before they are parsed.
inline constexpr size_t maxPolicyBytes = size_t(1) << 20;

/// Reads a policy. The error is one line a fault,
/// `NAME:LINE:COLUMN: /json/pointer: what is wrong, what is legal`.
/// `name` stands in messages and in the rules' origins; files that the text
/// includes are looked up beside it.
llvm::Expected<Policy> readPolicy(llvm::StringRef text, llvm::StringRef name);

/// Reads a file; `-` is standard input, `preset:NAME` a shipped policy.
llvm::Expected<Policy> readPolicyFile(llvm::StringRef path);

/// A policy that is part of the program.
struct Preset {
  llvm::StringLiteral name, text;
};
llvm::ArrayRef<Preset> presets();

/// JSON text that reads back as an equal policy, origins included.
std::string writePolicy(const Policy &policy);

} // namespace mlir::prec

#endif // PREC_POLICY_POLICYJSON_H
