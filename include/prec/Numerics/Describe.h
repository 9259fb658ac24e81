// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A format as a page of text: what --describe-format and --list-formats print.
#ifndef PREC_NUMERICS_DESCRIBE_H
#define PREC_NUMERICS_DESCRIBE_H

#include "prec/Numerics/Format.h"

namespace mlir::prec {

/// Layout, range, epsilon, codes of special values, what overflow and NaN do;
/// for at most 8 bits the number of every code. One `key: value` a line.
std::string describeFormat(const Format &format);

/// The names with their meaning, then the patterns.
std::string listFormats();

/// The shortest decimal text that reads back as the same number.
std::string shortestText(float number);
std::string shortestText(double number);

} // namespace mlir::prec

#endif // PREC_NUMERICS_DESCRIBE_H
