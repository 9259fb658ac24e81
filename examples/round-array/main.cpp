// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rounds the numbers of the command line: round-array FORMAT MODE NUMBER...
#include <prec/Numerics/RoundArray.h>

#include <cstdio>
#include <cstdlib>

using namespace mlir::prec;

int main(int argc, char **argv) {
  if (argc < 4) {
    std::fprintf(stderr, "expected FORMAT MODE NUMBER...\n");
    return 1;
  }
  std::string error;
  std::optional<Format> format = Format::parse(argv[1], &error);
  std::optional<RoundingMode> mode = RoundingMode::parse(argv[2], &error);
  if (error.empty())
    error = format->whyNotIn(Carrier::F64);
  if (!error.empty()) {
    std::fprintf(stderr, "%s\n", error.c_str());
    return 1;
  }
  std::vector<double> values;
  for (int i = 3; i < argc; ++i)
    values.push_back(std::atof(argv[i]));
  RoundArray round(*format, *mode, /*seed=*/0);
  round(std::span<const double>(values), std::span<double>(values),
        values.size());
  for (double value : values)
    std::printf("%.17g\n", value);
}
