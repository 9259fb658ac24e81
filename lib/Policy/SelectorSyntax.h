// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What reading and writing a selector's text must agree on.
#ifndef PREC_LIB_POLICY_SELECTORSYNTAX_H
#define PREC_LIB_POLICY_SELECTORSYNTAX_H

#include "prec/Policy/Selector.h"
#include "prec/Words.h"
#include <optional>

namespace mlir::prec {

/// Characters that end a pattern; one that contains them is quoted.
inline constexpr llvm::StringLiteral selectorOperators = " \t\r\n&|()\"";

/// The words before the colon, in the order of Selector::Field.
inline constexpr std::array<std::string_view, 8> fieldWords = {
    "", "scope", "op", "name", "function", "phase", "role", "class"};

inline llvm::StringRef fieldWord(Selector::Field field) {
  return fieldWords[static_cast<size_t>(field)];
}

/// Is what follows the last dot a role's word? Then that word.
inline std::optional<llvm::StringRef> roleSuffix(llvm::StringRef pattern) {
  auto [front, back] = pattern.rsplit('.');
  if (front.size() < pattern.size() && isWord(roleWords, back))
    return back;
  return std::nullopt;
}

/// May a role follow the pattern of this field after a dot? Values and
/// functions have dots of their own.
inline bool takesRoleSuffix(Selector::Field field) {
  return field != Selector::Field::Name && field != Selector::Field::Function;
}

} // namespace mlir::prec

#endif // PREC_LIB_POLICY_SELECTORSYNTAX_H
