// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Nearest words by Levenshtein distance.
#include "prec/Numerics/Spelling.h"

#include <algorithm>
#include <numeric>

using namespace mlir::prec;

static size_t editDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t(0));
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t substituted = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({substituted, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

std::string_view
mlir::prec::nearestWord(std::string_view word,
                        const std::vector<std::string_view> &legal) {
  std::string_view best;
  size_t bestDistance = std::max<size_t>(2, word.size() / 3) + 1;
  for (std::string_view candidate : legal) {
    size_t distance = editDistance(word, candidate);
    if (distance < bestDistance) {
      bestDistance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string mlir::prec::unknownWord(std::string_view kind,
                                    std::string_view word,
                                    const std::vector<std::string_view> &legal,
                                    std::string_view extra) {
  std::string text = "unknown " + std::string(kind) + " '" + std::string(word);
  text += "'";
  if (std::string_view near = nearestWord(word, legal); !near.empty())
    text += ", did you mean '" + std::string(near) + "'?";
  else
    text += ";";
  text += " legal: ";
  bool first = true;
  for (std::string_view candidate : legal) {
    text += (first ? "" : ", ");
    text += candidate;
    first = false;
  }
  if (!extra.empty()) {
    text += (first ? "" : ", ");
    text += extra;
  }
  return text;
}
