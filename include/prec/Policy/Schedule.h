// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Numbers of a policy that are known at run time: a function of the step, or
// a list of values of which each gets a run of its own.
#ifndef PREC_POLICY_SCHEDULE_H
#define PREC_POLICY_SCHEDULE_H

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mlir::prec {

/// A number as a function of the training step, given by points
/// (step, value) with ascending steps, the first of them 0:
///
///   Constant  one point
///   Steps     the value of the last point that is not after the step
///   Linear    straight lines between the points, the last value after them
///   Cosine    half a cosine wave between the points, the last value after them
///   List      the value of the step's own index, the last value after the list
///
/// Where a whole number is asked for, values between points are rounded to
/// nearest, halves away from zero.
struct Schedule {
  enum class Kind : uint8_t { Constant, Steps, Linear, Cosine, List };
  struct Point {
    uint32_t step = 0;
    double value = 0;
    bool operator==(const Point &) const = default;
  };

  /// More changes than this are refused: each costs a comparison a call.
  static constexpr size_t maxChanges = 4096;

  Kind kind = Kind::Constant;
  std::vector<Point> points;
  /// Are the points' steps epochs?
  bool perEpoch = false;

  static Schedule constant(double value) {
    return {Kind::Constant, {{0, value}}, false};
  }
  double realAt(uint32_t step) const;
  /// The same as a whole number.
  int32_t at(uint32_t step) const;
  /// The steps after 0 at which the whole number changes, or with `isReal` the
  /// number, with its value from then on; at most maxChanges + 1 of them.
  std::vector<Point> changes(bool isReal = false) const;

  bool operator==(const Schedule &) const = default;
};

/// A number that moves when the loss stays: by `by`, or times it, at most to
/// `until`, after `steps` steps in a row none of which was better than the best
/// loss so far by more than `improvement`; then it waits anew. NaN is not
/// better. Numbers are those of f32.
struct Plateau {
  double by = 1, until = 0;
  bool isFactor = false;
  uint32_t steps = 1;
  float improvement = 0;

  bool operator==(const Plateau &) const = default;
};

/// What says how far fixed point and integers reach, following the numbers they
/// round: integer bits, the exponent of a scale or a scale. After each `steps`
/// steps one more (a scale: twice), at most `most`, if a greater share of them
/// than `share` overflowed; else one less (half), at least `least`, if no
/// greater share would overflow half the range (Courbariaux et al. 2014,
/// "Training deep neural networks with low precision multiplications",
/// algorithm 1).
struct OverflowShare {
  double least = 0, most = 0;
  uint32_t steps = 1;
  float share = 0;

  bool operator==(const OverflowShare &) const = default;
};

/// A named number that stands for a `?` of a format or mode, or for the
/// exponent of the loss's scale.
struct Parameter {
  std::string name;
  /// What it is during a run.
  Schedule schedule;
  /// The values of several runs, in order; empty: one run by the schedule.
  /// The schedule then is the constant sweep[0].
  std::vector<double> sweep;
  /// Follows the loss, from the value of the schedule, which is constant.
  std::optional<Plateau> plateau = {};
  /// Follows the share of overflows, from there.
  std::optional<OverflowShare> overflow = {};

  /// Does it change with what is computed?
  bool isDriven() const { return plateau || overflow; }
  /// The least and the greatest value that it may have in any run.
  std::pair<double, double> range() const;
  bool isWhole() const;

  bool operator==(const Parameter &) const = default;
};

} // namespace mlir::prec

#endif // PREC_POLICY_SCHEDULE_H
