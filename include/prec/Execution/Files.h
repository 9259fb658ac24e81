// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reading whole files, and writing files whole or not at all.
//
// The path "-" is standard input or standard output.
#ifndef PREC_EXECUTION_FILES_H
#define PREC_EXECUTION_FILES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <optional>
#include <string>
#include <vector>

namespace mlir::prec {

/// All bytes of a file. Errors: it does not exist, is a directory, cannot be
/// read. The file is read, not mapped: somebody may shorten it meanwhile.
llvm::Expected<std::vector<uint8_t>> readFile(llvm::StringRef path);

/// How many bytes a file has; nothing if it is no regular file.
std::optional<uint64_t> regularFileSize(llvm::StringRef path);

/// Fills `bytes` with those of a file from `place` on. Errors: as readFile's,
/// or that there are not so many.
llvm::Error readFileInto(llvm::StringRef path, uint64_t place,
                         llvm::MutableArrayRef<uint8_t> bytes);

/// Whether bytes begin as a gzip file does.
bool isGzip(llvm::ArrayRef<uint8_t> bytes);

/// Decompresses a gzip file of one or more members. `path` is for messages.
/// Errors: truncated, checksum wrong, bytes after the last member.
llvm::Expected<std::vector<uint8_t>> gunzip(llvm::ArrayRef<uint8_t> bytes,
                                            llvm::StringRef path);

/// Writes a file. A regular file is written under another name in the same
/// directory (`.NAME.PID.COUNT.tmp`) and renamed by commit(), so that under its
/// own name it is never there in part; without commit() nothing of it remains.
/// A symbolic link is followed and stays. Devices, pipes and standard output
/// are written in place. This guards against a full disk and a killed process;
/// commit(Durable::Yes) calls fsync on file and folder and so guards against
/// power failure too.
enum class Durable : bool { No, Yes };
class AtomicFile {
public:
  /// Errors: the directory does not exist or cannot be written.
  static llvm::Expected<AtomicFile> create(llvm::StringRef path);

  AtomicFile(AtomicFile &&other);
  AtomicFile &operator=(AtomicFile &&) = delete;
  /// Removes what was not committed.
  ~AtomicFile();

  /// Errors: disk full, device or pipe closed.
  llvm::Error write(llvm::ArrayRef<uint8_t> bytes);
  llvm::Error write(llvm::StringRef text);
  /// Closes, and gives the file its name. Nothing may be written after it.
  llvm::Error commit(Durable durable = Durable::No);

private:
  AtomicFile() = default;
  std::string path;      // as the user wrote it, for messages
  std::string target;    // the name behind symbolic links
  std::string temporary; // empty when written in place
  int file = -1;
};

/// create, write and commit in one call.
llvm::Error writeFile(llvm::StringRef path, llvm::ArrayRef<uint8_t> bytes,
                      Durable durable = Durable::No);

/// Removes what killed processes of this machine left of AtomicFile's work on
/// `path`: temporary files of processes that are gone.
void removeLeftovers(llvm::StringRef path);

} // namespace mlir::prec

#endif // PREC_EXECUTION_FILES_H
