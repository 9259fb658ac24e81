// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The rows of the table of layers.
#ifndef PREC_LIB_IMPORT_LAYERS_H
#define PREC_LIB_IMPORT_LAYERS_H

#include "LayerType.h"

namespace mlir::prec {

// Products of the input with weights.
extern const LayerType denseLayer, convLayer, embeddingLayer, positionLayer;
extern const LayerType attentionLayer, lstmLayer;
// Windows and normalisations.
extern const LayerType maxPoolLayer, averagePoolLayer, globalPoolLayer;
extern const LayerType batchNormLayer, layerNormLayer, softmaxLayer;
// Sizes.
extern const LayerType flattenLayer, reshapeLayer, transposeLayer;
extern const LayerType addLayer, multiplyLayer, concatLayer;
extern const LayerType meanLayer, lastLayer;
// Element by element.
extern const LayerType reluLayer, relu6Layer, leakyReluLayer, hardTanhLayer;
extern const LayerType sigmoidLayer, tanhLayer, geluLayer, siluLayer;
// Random.
extern const LayerType dropoutLayer;

} // namespace mlir::prec

#endif // PREC_LIB_IMPORT_LAYERS_H
