// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The record of a training run: one JSON object a line.
//
//   {"step":0,"epoch":0,"loss":2.31,"accuracy":0.1,"test_accuracy":0.1,
//    "test_accuracy_f32":0.2,"training_loss":0.5,"test_loss":0.5,
//    "test_loss_f32":0.5,"best":true,"seconds":0.001,"steps":50,
//    "gradient_norms":{"fc1":0.2},
//    "rounding_shares":{"fc1":{"overflow":0.0,"underflow":0.1,"saturation":0.0}},
//    ...constant fields}
//
// Keys are absent where nothing was measured. JSON has no NaN: a norm or loss
// that is not finite is null, and "loss_is" says "nan", "inf" or "-inf". Each
// line is written whole by one call of the system, so that a log is valid
// whenever the process ends; when the disk is full the last line is taken back.
#ifndef PREC_EXECUTION_TRAININGLOG_H
#define PREC_EXECUTION_TRAININGLOG_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mlir::prec {

/// Of the elements that a scope's roundings took; no saturation where a largest
/// number is not known.
struct RoundingShares {
  double overflow = 0, underflow = 0;
  std::optional<double> saturation;
};

struct TrainingRecord {
  uint64_t step = 0, epoch = 0;
  double loss = 0;
  /// Shares of right answers: on training samples, on the test set, and on the
  /// test set by the unrounded predict.
  std::optional<double> accuracy, testAccuracy, testAccuracyF32;
  /// In their place where the data are values: mean losses.
  std::optional<double> trainingLoss, testLoss, testLossF32;
  /// Where it is not the same in all steps.
  std::optional<double> learningRate;
  /// The step's own time: no loading, logging, evaluation.
  double seconds = 0;
  /// Where not each step has a line: how many steps the line stands for, whose
  /// mean is the loss and whose sum the seconds.
  std::optional<uint64_t> steps;
  /// By scope: 2-norms of weight gradients, and what roundings lost.
  std::vector<std::pair<std::string, double>> gradientNorms;
  std::vector<std::pair<std::string, RoundingShares>> rounding;
  /// The test accuracy is the best so far, and its weights were kept.
  bool isBest = false;
};

/// Fields that every line repeats, in order.
using ConstantFields = std::vector<std::pair<std::string, llvm::json::Value>>;

/// "loss", and "loss_is" where it is not finite.
void writeLoss(llvm::json::OStream &json, double loss);

/// One line, without its newline.
std::string toJson(const TrainingRecord &record, const ConstantFields &fields);

/// How far a log had come: what a resumed run goes on from.
struct LogMark {
  uint64_t bytes = 0;
  /// The last of the lines, without its newline.
  std::string lastLine;
};

/// The line of an epoch: {"kind":"epoch","epoch","steps","mean_loss", ...}.
std::string epochToJson(uint64_t epoch, uint64_t steps, double meanLoss,
                        const ConstantFields &fields);

class TrainingLog {
public:
  /// "-" is standard output. A file is emptied, or, with a mark, cut back to
  /// it; a file that is new or empty then begins with the lines to come.
  /// Errors: it cannot be written; it has not the marked line in its place.
  static llvm::Expected<TrainingLog> open(llvm::StringRef path,
                                          const LogMark *from = nullptr);
  TrainingLog(TrainingLog &&other);
  TrainingLog &operator=(TrainingLog &&) = delete;
  ~TrainingLog();

  /// Errors: disk full, pipe closed.
  llvm::Error write(llvm::StringRef line);

  /// Where the log stands, after all of it has reached the disk.
  LogMark mark() const;

private:
  TrainingLog() = default;
  std::string path, lastLine;
  int file = -1;
};

} // namespace mlir::prec

#endif // PREC_EXECUTION_TRAININGLOG_H
