// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How the tests of this room look at errors, bytes and temporary folders.
#ifndef PREC_TEST_EXECUTION_EXPECT_H
#define PREC_TEST_EXECUTION_EXPECT_H

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <fstream>
#include <string>
#include <vector>

namespace mlir::prec::test {

/// The value; an error fails the test with its message.
template <typename T> T valueOf(llvm::Expected<T> result) {
  if (result)
    return std::move(*result);
  ADD_FAILURE() << llvm::toString(result.takeError());
  return T();
}

/// The error's message, or "success".
template <typename T> std::string messageOf(llvm::Expected<T> result) {
  return result ? "success" : llvm::toString(result.takeError());
}
inline std::string messageOf(llvm::Error error) {
  return error ? llvm::toString(std::move(error)) : "success";
}

inline std::vector<uint8_t> unhex(llvm::StringRef hex) {
  std::string bytes = llvm::fromHex(hex);
  return {bytes.begin(), bytes.end()};
}

inline std::vector<uint8_t> contentOf(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void store(const std::string &path, llvm::ArrayRef<uint8_t> bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char *>(bytes.data()),
             std::streamsize(bytes.size()));
}

/// Numbers that are the same in every run (Knuth's linear congruences).
class Dice {
public:
  uint32_t operator()() {
    state = state * 6364136223846793005 + 1442695040888963407;
    return uint32_t(state >> 33);
  }

private:
  uint64_t state = 1;
};

/// A folder that is removed with everything in it.
class TemporaryFolder {
public:
  TemporaryFolder() {
    llvm::SmallString<128> name;
    EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("prec-test", name));
    path = name.str().str();
  }
  ~TemporaryFolder() { (void)llvm::sys::fs::remove_directories(path); }
  std::string operator/(llvm::StringRef name) const {
    return path + "/" + name.str();
  }
  /// The number of files inside.
  int count() const {
    int files = 0;
    std::error_code error;
    for (llvm::sys::fs::directory_iterator it(path, error), end; it != end;
         it.increment(error))
      ++files;
    return files;
  }
  std::string path;
};

} // namespace mlir::prec::test

#endif // PREC_TEST_EXECUTION_EXPECT_H
