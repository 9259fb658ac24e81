// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The loops that are compiled for an instruction set of their own.
#ifndef PREC_LIB_NUMERICS_ROUNDLOOPTARGETS_H
#define PREC_LIB_NUMERICS_ROUNDLOOPTARGETS_H

#include "RoundLoopFor.h"

namespace mlir::prec {

void roundLoopAvx2(const RoundCall<float> &call);
void roundLoopAvx2(const RoundCall<double> &call);
void roundLoopAvx512(const RoundCall<float> &call);
void roundLoopAvx512(const RoundCall<double> &call);
void blockMaximaAvx2(std::span<const float> in, size_t block, float *maxima);
void blockMaximaAvx2(std::span<const double> in, size_t block, double *maxima);
void blockMaximaAvx512(std::span<const float> in, size_t block, float *maxima);
void blockMaximaAvx512(std::span<const double> in, size_t block,
                       double *maxima);

} // namespace mlir::prec

#endif // PREC_LIB_NUMERICS_ROUNDLOOPTARGETS_H
