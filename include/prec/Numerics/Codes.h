// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Numbers of a format as the bits that a memory would hold.
//
// Floats: sign, exponent, fraction from the top. Whole numbers: two's
// complement. Posits: the standard's. Powers of two: sign, then 0 for zero or
// the exponent's place from 1. `binary`: 1 is +1.
#ifndef PREC_NUMERICS_CODES_H
#define PREC_NUMERICS_CODES_H

#include "prec/Numerics/Format.h"

#include <span>

namespace mlir::prec {

/// The code of a number of the format (what a rounding returned); its low
/// format.width(carrier) bits. Formats with a shared scale: of an element in
/// units of its scale. NaN in a float without fraction bits has the code of
/// infinity.
uint64_t encode(double number, const Format &format, Carrier carrier);

/// The number of a code; the bits above the width are ignored.
double decode(uint64_t code, const Format &format, Carrier carrier);

/// Bytes of the smallest unsigned integer that holds a code: 1, 2, 4 or 8.
unsigned bytesOfCode(const Format &format, Carrier carrier);

/// Codes of `width` bits one after the other, the first in the lowest bits of
/// the first byte; the last byte is filled with zeros.
std::vector<uint8_t> packCodes(std::span<const uint64_t> codes, unsigned width);
std::vector<uint64_t> unpackCodes(std::span<const uint8_t> bytes,
                                  unsigned width, size_t count);

} // namespace mlir::prec

#endif // PREC_NUMERICS_CODES_H
