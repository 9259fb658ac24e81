// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// JSON lines, each written by one system call.
#include "prec/Execution/TrainingLog.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"
#include <cerrno>
#include <cmath>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

using namespace mlir::prec;

std::string mlir::prec::toJson(const TrainingRecord &record,
                               const ConstantFields &fields) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::json::OStream json(stream);
  json.object([&] {
    json.attribute("step", int64_t(record.step));
    json.attribute("epoch", int64_t(record.epoch));
    if (std::isfinite(record.loss)) {
      json.attribute("loss", record.loss);
    } else {
      json.attribute("loss", nullptr);
      json.attribute("loss_is", std::isnan(record.loss) ? "nan"
                                : record.loss > 0       ? "inf"
                                                        : "-inf");
    }
    if (record.accuracy)
      json.attribute("accuracy", *record.accuracy);
    if (record.testAccuracy)
      json.attribute("test_accuracy", *record.testAccuracy);
    if (record.testAccuracyF32)
      json.attribute("test_accuracy_f32", *record.testAccuracyF32);
    json.attribute("seconds", record.seconds);
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
                                              bool append) {
  TrainingLog log;
  log.path = path.str();
  if (path == "-") {
    log.file = STDOUT_FILENO;
    return log;
  }
  int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND;
  log.file = ::open(log.path.c_str(), append ? flags : flags | O_TRUNC, 0666);
  if (log.file < 0)
    return cannotWrite(path, errno);
  return log;
}

TrainingLog::TrainingLog(TrainingLog &&other)
    : path(std::move(other.path)), file(other.file) {
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
  return llvm::Error::success();
}
