// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A model's layers as a picture: text in the DOT language of graphviz.
#ifndef PREC_TRANSFORMS_LAYERDRAWING_H
#define PREC_TRANSFORMS_LAYERDRAWING_H

#include "prec/Transforms/SiteReport.h"

#include "mlir/IR/BuiltinOps.h"

namespace mlir::prec {

/// Draws the layer graph of each function: a box for each layer, an ellipse
/// for each argument that is no weight and for each result, an arrow for each
/// value between them, with its shape. Functions and, where there are several,
/// phases are frames.
///
/// With a report of the same module each box says how many bits its values
/// have (weights and inputs as the layer uses them, results of operations) and
/// has the colour of the fewest.
void drawLayers(ModuleOp module, const SiteReport *report, raw_ostream &os);

/// A string of the DOT language that is shown as `text` is: quotes,
/// backslashes and ampersands mean themselves, control characters are spelled
/// out ("\n"), what is no UTF-8 is replaced.
std::string dotString(StringRef text);

} // namespace mlir::prec

#endif // PREC_TRANSFORMS_LAYERDRAWING_H
