// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Compares roundings in all deterministic modes with a table of numbers.
#ifndef PREC_TEST_NUMERICS_TABLECHECK_H
#define PREC_TEST_NUMERICS_TABLECHECK_H

#include "Inputs.h"
#include "Table.h"
#include "prec/Numerics/Round.h"

#include <gtest/gtest.h>

namespace mlir::prec::oracle {

template <class T> class TableCheck : public testing::Test {
protected:
  /// Every number of the table, what lies half way, a quarter and three
  /// quarters, with neighbours; far out on both sides.
  static std::vector<T> inputs(const Table &table) {
    std::vector<T> values = specials<T>();
    for (const std::vector<double> *side : {&table.numbers, &table.negatives})
      for (size_t i = 0; i < side->size(); ++i) {
        double low = (*side)[i];
        double high = i + 1 < side->size() ? (*side)[i + 1]
                      : table.beyond       ? table.beyond
                                           : 2 * low + 1;
        around(values, low);
        for (double place : {0.25, 0.5, 0.75})
          around(values, low + place * (high - low));
        if (i < table.ties.size())
          around(values, table.ties[i]);
      }
    for (int e = -140; e <= 127; e += 3)
      around(values, std::ldexp(1.375, e));
    return values;
  }

  /// `runtime` are the numbers of the format's `?`.
  static void check(const Table &table,
                    const std::vector<BitsOf<T>> &runtime = {}) {
    std::optional<Format> format = Format::parse(table.name);
    ASSERT_TRUE(format) << table.name;
    ASSERT_EQ(format->whyNotIn(sizeof(T) == 4 ? Carrier::F32 : Carrier::F64),
              "");
    std::vector<T> values = inputs(table);
    unsigned failures = 0;
    for (const RoundingMode::Row &row : RoundingMode::table()) {
      if (row.isStochastic)
        continue;
      Rounder<T> rounder(*format, row.kind, runtime);
      for (T x : values) {
        T want = static_cast<T>(
            roundByTable(table, static_cast<double>(x), row.kind));
        T got = rounder(x);
        bool same =
            std::isnan(want)
                ? bitsOf(got) == bitsOf(std::numeric_limits<T>::quiet_NaN())
                : bitsOf(got) == bitsOf(want);
        if (!same && ++failures <= 5)
          ADD_FAILURE() << table.name << " " << row.word << " of "
                        << std::hexfloat << x << ": got " << got
                        << ", expected " << want;
      }
    }
  }
};

} // namespace mlir::prec::oracle

#endif // PREC_TEST_NUMERICS_TABLECHECK_H
