// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Files by POSIX calls, whose every error is looked at.
#include "prec/Execution/Files.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <zlib.h>

using namespace mlir::prec;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::Twine;

/// "cannot VERB 'PATH': what the system says".
static Error systemError(const Twine &verb, llvm::StringRef path, int code) {
  std::string reason = std::generic_category().message(code);
  if (!reason.empty())
    reason[0] = llvm::toLower(reason[0]);
  return createStringError("cannot " + verb + " '" + path + "': " + reason);
}

Expected<std::vector<uint8_t>> mlir::prec::readFile(llvm::StringRef path) {
  bool standard = path == "-";
  int file =
      standard ? STDIN_FILENO : open(path.str().c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return systemError("read", path, errno);
  llvm::scope_exit closer([&] {
    if (!standard)
      close(file);
  });
  std::vector<uint8_t> bytes;
  struct stat status;
  if (fstat(file, &status) == 0 && S_ISREG(status.st_mode) &&
      status.st_size > 0)
    bytes.reserve(size_t(status.st_size) + 1);
  for (;;) {
    size_t used = bytes.size();
    if (bytes.capacity() == used)
      bytes.reserve(std::max<size_t>(2 * used, 1 << 16));
    bytes.resize(bytes.capacity());
    ssize_t got = read(file, bytes.data() + used, bytes.size() - used);
    if (got < 0 && errno == EINTR)
      got = 0;
    else if (got <= 0) {
      if (got < 0)
        return systemError("read", path, errno);
      bytes.resize(used);
      return bytes;
    }
    bytes.resize(used + size_t(got));
  }
}

std::optional<uint64_t> mlir::prec::regularFileSize(llvm::StringRef path) {
  struct stat status;
  if (path == "-" || stat(path.str().c_str(), &status) != 0 ||
      !S_ISREG(status.st_mode))
    return std::nullopt;
  return uint64_t(status.st_size);
}

Error mlir::prec::readFileInto(llvm::StringRef path, uint64_t place,
                               llvm::MutableArrayRef<uint8_t> bytes) {
  int file = open(path.str().c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return systemError("read", path, errno);
  llvm::scope_exit closer([&] { close(file); });
  while (!bytes.empty()) {
    ssize_t got = pread(file, bytes.data(), bytes.size(), off_t(place));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return systemError("read", path, errno);
    if (got == 0)
      return createStringError("'" + path +
                               "' became shorter while it was read: " +
                               Twine(bytes.size()) + " bytes are missing");
    bytes = bytes.drop_front(size_t(got));
    place += uint64_t(got);
  }
  return Error::success();
}

bool mlir::prec::isGzip(llvm::ArrayRef<uint8_t> bytes) {
  return bytes.size() >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

Expected<std::vector<uint8_t>> mlir::prec::gunzip(llvm::ArrayRef<uint8_t> bytes,
                                                  llvm::StringRef path) {
  std::vector<uint8_t> result;
  size_t position = 0;
  while (position < bytes.size()) {
    if (!isGzip(bytes.drop_front(position)))
      return createStringError("'" + path +
                               "': " + Twine(bytes.size() - position) +
                               " bytes after the end of the gzip data");
    z_stream stream = {};
    if (inflateInit2(&stream, 15 + 16) != Z_OK)
      return createStringError("'" + path + "': zlib does not start");
    llvm::scope_exit ender([&] { inflateEnd(&stream); });
    int status = Z_OK;
    while (status == Z_OK) {
      size_t chunk = std::min<size_t>(bytes.size() - position, UINT_MAX);
      stream.next_in = const_cast<Bytef *>(bytes.data() + position);
      stream.avail_in = uInt(chunk);
      size_t used = result.size();
      size_t room = std::max<size_t>(4 * chunk, 1 << 16);
      room = std::min<size_t>(room, 1 << 26);
      result.resize(used + room);
      stream.next_out = result.data() + used;
      stream.avail_out = uInt(room);
      status = inflate(&stream, Z_NO_FLUSH);
      result.resize(used + room - stream.avail_out);
      position += chunk - stream.avail_in;
    }
    if (status == Z_BUF_ERROR)
      return createStringError("'" + path +
                               "': the gzip data is truncated after " +
                               Twine(bytes.size()) + " bytes");
    if (status != Z_STREAM_END)
      return createStringError("'" + path + "': the gzip data is corrupt: " +
                               (stream.msg ? stream.msg : "bad header"));
  }
  return result;
}

AtomicFile::AtomicFile(AtomicFile &&other)
    : path(std::move(other.path)), target(std::move(other.target)),
      temporary(std::move(other.temporary)), file(other.file) {
  other.file = -1;
  other.temporary.clear();
}

Expected<AtomicFile> AtomicFile::create(llvm::StringRef path) {
  AtomicFile result;
  result.path = path.str();
  if (path == "-") {
    result.file = STDOUT_FILENO;
    return result;
  }
  struct stat status;
  bool exists = stat(result.path.c_str(), &status) == 0;
  if (exists && !S_ISREG(status.st_mode)) {
    if (S_ISDIR(status.st_mode))
      return systemError("write", path, EISDIR);
    result.file = open(result.path.c_str(), O_WRONLY | O_CLOEXEC);
    if (result.file < 0)
      return systemError("write", path, errno);
    return result;
  }
  // A link to a file that does not exist yet is replaced, as there is nothing
  // whose name could be resolved.
  llvm::SmallString<256> resolved(path);
  if (exists) {
    if (access(result.path.c_str(), W_OK) != 0)
      return systemError("write", path, errno);
    if (llvm::sys::fs::real_path(path, resolved))
      resolved = path;
  }
  result.target = resolved.str().str();
  static std::atomic<unsigned> counter{0};
  llvm::SmallString<256> name(llvm::sys::path::parent_path(resolved));
  llvm::sys::path::append(name, "." + llvm::sys::path::filename(resolved) +
                                    "." + Twine(getpid()) + "." +
                                    Twine(counter++) + ".tmp");
  mode_t mode = exists ? status.st_mode & 0777 : 0666;
  result.file =
      open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (result.file < 0)
    return systemError("write", path, errno);
  result.temporary = name.str().str();
  return result;
}

AtomicFile::~AtomicFile() {
  if (file >= 0 && file != STDOUT_FILENO)
    close(file);
  if (!temporary.empty())
    unlink(temporary.c_str());
}

Error AtomicFile::write(llvm::ArrayRef<uint8_t> bytes) {
  while (!bytes.empty()) {
    ssize_t done = ::write(file, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR)
      continue;
    if (done < 0)
      return systemError("write", path, errno);
    bytes = bytes.drop_front(size_t(done));
  }
  return Error::success();
}

Error AtomicFile::write(llvm::StringRef text) {
  return write(llvm::ArrayRef<uint8_t>(text.bytes_begin(), text.size()));
}

/// Makes a folder's entries survive a power failure.
static void syncFolder(llvm::StringRef path) {
  llvm::StringRef parent = llvm::sys::path::parent_path(path);
  std::string folder = parent.empty() ? "." : parent.str();
  int file = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0)
    return;
  // Some file systems refuse it for folders; the file is written all the same.
  (void)fsync(file);
  close(file);
}

Error AtomicFile::commit(Durable durable) {
  int closing = file;
  file = -1;
  if (durable == Durable::Yes && !temporary.empty() && fsync(closing) != 0) {
    int code = errno;
    close(closing);
    return systemError("write", path, code);
  }
  if (closing != STDOUT_FILENO && close(closing) != 0)
    return systemError("write", path, errno);
  if (temporary.empty())
    return Error::success();
  if (rename(temporary.c_str(), target.c_str()) != 0)
    return systemError("write", path, errno);
  temporary.clear();
  if (durable == Durable::Yes)
    syncFolder(target);
  return Error::success();
}

Error mlir::prec::writeFile(llvm::StringRef path, llvm::ArrayRef<uint8_t> bytes,
                            Durable durable) {
  Expected<AtomicFile> file = AtomicFile::create(path);
  if (!file)
    return file.takeError();
  if (Error error = file->write(bytes))
    return error;
  return file->commit(durable);
}

void mlir::prec::removeLeftovers(llvm::StringRef path) {
  std::string prefix = ("." + llvm::sys::path::filename(path) + ".").str();
  llvm::StringRef folder = llvm::sys::path::parent_path(path);
  std::error_code error;
  llvm::sys::fs::directory_iterator it(folder.empty() ? "." : folder, error);
  for (llvm::sys::fs::directory_iterator end; !error && it != end;
       it.increment(error)) {
    llvm::StringRef rest = llvm::sys::path::filename(it->path());
    // .NAME.PID.COUNT.tmp
    pid_t process;
    unsigned count;
    if (rest.consume_front(prefix) && rest.consume_back(".tmp") &&
        !rest.consumeInteger(10, process) && rest.consume_front(".") &&
        !rest.getAsInteger(10, count) && kill(process, 0) != 0 &&
        errno == ESRCH)
      unlink(it->path().c_str());
  }
}
