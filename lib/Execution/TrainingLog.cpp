// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// JSON lines, each written by one system call.
#include "prec/Execution/TrainingLog.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"
#include <cerrno>
#include <cmath>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

using namespace mlir::prec;

void mlir::prec::writeLoss(llvm::json::OStream &json, double loss) {
  if (std::isfinite(loss)) {
    json.attribute("loss", loss);
    return;
  }
  json.attribute("loss", nullptr);
  json.attribute("loss_is", std::isnan(loss) ? "nan"
                            : loss > 0       ? "inf"
                                             : "-inf");
}

/// JSON has no NaN.
static llvm::json::Value finiteOrNull(double number) {
  return std::isfinite(number) ? llvm::json::Value(number)
                               : llvm::json::Value(nullptr);
}

static void writeMeasures(llvm::json::OStream &json,
                          const TrainingRecord &record) {
  if (!record.gradientNorms.empty())
    json.attributeObject("gradient_norms", [&] {
      for (const auto &[scope, norm] : record.gradientNorms)
        json.attribute(scope, finiteOrNull(norm));
    });
  if (!record.rounding.empty())
    json.attributeObject("rounding_shares", [&] {
      for (const auto &[scope, shares] : record.rounding)
        json.attributeObject(scope, [&] {
          json.attribute("overflow", shares.overflow);
          json.attribute("underflow", shares.underflow);
          if (shares.saturation)
            json.attribute("saturation", *shares.saturation);
        });
    });
}

std::string mlir::prec::toJson(const TrainingRecord &record,
                               const ConstantFields &fields) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::json::OStream json(stream);
  json.object([&] {
    json.attribute("step", int64_t(record.step));
    json.attribute("epoch", int64_t(record.epoch));
    writeLoss(json, record.loss);
    auto write = [&](llvm::StringRef name, std::optional<double> measured) {
      if (measured)
        json.attribute(name, finiteOrNull(*measured));
    };
    write("accuracy", record.accuracy);
    write("test_accuracy", record.testAccuracy);
    write("test_accuracy_f32", record.testAccuracyF32);
    write("training_loss", record.trainingLoss);
    write("test_loss", record.testLoss);
    write("test_loss_f32", record.testLossF32);
    if (record.isBest)
      json.attribute("best", true);
    if (record.learningRate)
      json.attribute("learning_rate", *record.learningRate);
    json.attribute("seconds", record.seconds);
    if (record.steps)
      json.attribute("steps", int64_t(*record.steps));
    writeMeasures(json, record);
    for (const auto &[name, value] : fields)
      json.attribute(name, value);
  });
  return text;
}

std::string mlir::prec::epochToJson(uint64_t epoch, uint64_t steps,
                                    double meanLoss,
                                    const ConstantFields &fields) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::json::OStream json(stream);
  json.object([&] {
    json.attribute("kind", "epoch");
    json.attribute("epoch", int64_t(epoch));
    json.attribute("steps", int64_t(steps));
    json.attribute("mean_loss", finiteOrNull(meanLoss));
    for (const auto &[name, value] : fields)
      json.attribute(name, value);
  });
  return text;
}

static llvm::Error cannotWrite(llvm::StringRef path, int code) {
  std::string reason = std::generic_category().message(code);
  reason[0] = llvm::toLower(reason[0]);
  return llvm::createStringError("cannot write '" + path + "': " + reason);
}

llvm::Expected<TrainingLog> TrainingLog::open(llvm::StringRef path,
                                              const LogMark *from) {
  TrainingLog log;
  log.path = path.str();
  if (path == "-") {
    log.file = STDOUT_FILENO;
    return log;
  }
  int flags = O_CREAT | O_CLOEXEC | O_APPEND | (from ? O_RDWR : O_WRONLY);
  log.file = ::open(log.path.c_str(), from ? flags : flags | O_TRUNC, 0666);
  if (log.file < 0)
    return cannotWrite(path, errno);
  if (!from || lseek(log.file, 0, SEEK_END) <= 0)
    return log;
  log.lastLine = from->lastLine;
  std::string end = from->bytes ? from->lastLine + "\n" : "";
  std::string found(end.size(), 0);
  off_t place = off_t(from->bytes - end.size());
  if (pread(log.file, found.data(), found.size(), place) !=
          ssize_t(found.size()) ||
      found != end)
    return llvm::createStringError(
        "'" + path +
        "' is not the log of the run to go on with; expected it to be "
        "absent, empty, or to have this line before byte " +
        llvm::Twine(from->bytes) + ": " + from->lastLine);
  if (ftruncate(log.file, off_t(from->bytes)) != 0)
    return cannotWrite(path, errno);
  return log;
}

TrainingLog::TrainingLog(TrainingLog &&other)
    : path(std::move(other.path)), lastLine(std::move(other.lastLine)),
      file(other.file) {
  other.file = -1;
}

TrainingLog::~TrainingLog() {
  if (file >= 0 && file != STDOUT_FILENO)
    close(file);
}

llvm::Error TrainingLog::write(llvm::StringRef line) {
  std::string text = line.str() + "\n";
  llvm::StringRef rest = text;
  off_t start = lseek(file, 0, SEEK_END);
  while (!rest.empty()) {
    ssize_t done = ::write(file, rest.data(), rest.size());
    if (done < 0 && errno == EINTR)
      continue;
    if (done < 0) {
      int code = errno;
      // Only a regular file can be shortened; elsewhere this does nothing.
      [[maybe_unused]] int status = start < 0 ? 0 : ftruncate(file, start);
      return cannotWrite(path, code);
    }
    rest = rest.drop_front(size_t(done));
  }
  lastLine = line.str();
  return llvm::Error::success();
}

LogMark TrainingLog::mark() const {
  struct stat status;
  // A pipe or a terminal has no place to come back to.
  if (file == STDOUT_FILENO || fstat(file, &status) != 0 ||
      !S_ISREG(status.st_mode))
    return {};
  (void)fsync(file);
  return {uint64_t(status.st_size), lastLine};
}
