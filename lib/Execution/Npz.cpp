// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Zip archives in memory by libzip, arrays by our own .npy code.
#include "prec/Execution/Npz.h"

#include "prec/Execution/Files.h"
#include "prec/Execution/Npy.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <zip.h>

using namespace mlir::prec;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace {
struct ZipError {
  zip_error_t error;
  ZipError() { zip_error_init(&error); }
  ~ZipError() { zip_error_fini(&error); }
  std::string text() {
    std::string text = zip_error_strerror(&error);
    if (!text.empty())
      text[0] = llvm::toLower(text[0]);
    return text;
  }
};
struct Discard {
  void operator()(zip_t *archive) const { zip_discard(archive); }
  void operator()(zip_source_t *source) const { zip_source_free(source); }
  void operator()(zip_file_t *file) const { zip_fclose(file); }
};
using Archive = std::unique_ptr<zip_t, Discard>;
using Source = std::unique_ptr<zip_source_t, Discard>;
using Member = std::unique_ptr<zip_file_t, Discard>;
} // namespace

static Error archiveError(StringRef path, zip_t *archive) {
  std::string text = zip_strerror(archive);
  if (!text.empty())
    text[0] = llvm::toLower(text[0]);
  return createStringError("'" + path + "': " + text);
}

/// All bytes of one member; libzip checks the checksum at its end.
static Expected<std::vector<uint8_t>>
readMember(zip_t *archive, uint64_t index, StringRef name, uint64_t fileSize) {
  Member member(zip_fopen_index(archive, index, 0));
  if (!member)
    return archiveError(name, archive);
  std::vector<uint8_t> bytes;
  // Space for what the archive says, as far as a file of that size can hold it.
  constexpr uint64_t bestFactor = 1032;
  zip_stat_t status;
  if (!zip_stat_index(archive, index, 0, &status) &&
      (status.valid & ZIP_STAT_SIZE) && status.size / bestFactor <= fileSize)
    bytes.reserve(status.size + 1);
  for (;;) {
    size_t used = bytes.size();
    size_t room = bytes.capacity() > used ? bytes.capacity() - used
                                          : std::max<size_t>(used, 1 << 16);
    bytes.resize(used + room);
    zip_int64_t got = zip_fread(member.get(), bytes.data() + used, room);
    if (got < 0) {
      std::string text = zip_file_strerror(member.get());
      if (!text.empty())
        text[0] = llvm::toLower(text[0]);
      return createStringError("'" + name + "': " + text);
    }
    bytes.resize(used + size_t(got));
    if (got == 0)
      return bytes;
  }
}

/// A file's bytes: in the file if it is one that can be read again, else in
/// `bytes`. `size` is how many there are.
static Expected<Source> sourceOf(StringRef path, std::vector<uint8_t> &bytes,
                                 uint64_t &size) {
  bool isRegular = llvm::sys::fs::is_regular_file(path) &&
                   !llvm::sys::fs::file_size(path, size);
  if (!isRegular) {
    Expected<std::vector<uint8_t>> read = readFile(path);
    if (!read)
      return read.takeError();
    bytes = std::move(*read);
    size = bytes.size();
  }
  if (size == 0) // for libzip an archive without members
    return createStringError("'" + path +
                             "': cannot be read as an .npz file: it is empty");
  ZipError error;
  Source source(isRegular ? zip_source_file_create(path.str().c_str(), 0, -1,
                                                   &error.error)
                          : zip_source_buffer_create(bytes.data(), bytes.size(),
                                                     0, &error.error));
  if (!source)
    return createStringError("'" + path + "': " + error.text());
  return source;
}

Expected<std::vector<NamedTensor>> mlir::prec::readNpz(StringRef path) {
  std::vector<uint8_t> bytes;
  uint64_t fileSize = 0;
  Expected<Source> made = sourceOf(path, bytes, fileSize);
  if (!made)
    return made.takeError();
  Source source = std::move(*made);
  ZipError error;
  Archive archive(zip_open_from_source(source.get(), ZIP_RDONLY | ZIP_CHECKCONS,
                                       &error.error));
  if (!archive)
    return createStringError(
        "'" + path + "': cannot be read as an .npz file: " + error.text());
  (void)source.release(); // the archive owns it now
  std::vector<NamedTensor> result;
  llvm::StringSet<> seen;
  for (zip_int64_t i = 0, n = zip_get_num_entries(archive.get(), 0); i < n;
       ++i) {
    const char *raw = zip_get_name(archive.get(), zip_uint64_t(i), 0);
    if (!raw)
      return archiveError(path, archive.get());
    StringRef name(raw);
    std::string full = (path + "' member '" + name).str();
    Expected<std::vector<uint8_t>> member =
        readMember(archive.get(), zip_uint64_t(i), full, fileSize);
    if (!member)
      return member.takeError();
    Expected<Tensor> tensor = parseNpy(*member, full);
    if (!tensor)
      return tensor.takeError();
    name.consume_back(".npy");
    if (!seen.insert(name).second)
      return createStringError("'" + path + "': found two arrays named '" +
                               name + "'");
    result.push_back({name.str(), std::move(*tensor)});
  }
  return result;
}

/// Adds one array to an archive that is being written.
static Error addMember(zip_t *archive, const NamedTensorRef &array,
                       StringRef path) {
  std::string header = npyHeader(*array.tensor);
  size_t size = header.size() + array.tensor->byteSize();
  // libzip frees it when the archive is closed, with free().
  auto *bytes = static_cast<uint8_t *>(std::malloc(size));
  if (!bytes)
    return createStringError("'" + path + "': out of memory");
  std::copy(header.begin(), header.end(), bytes);
  if (array.tensor->size())
    std::memcpy(bytes + header.size(), array.tensor->data(),
                array.tensor->byteSize());
  Source source(zip_source_buffer(archive, bytes, size, /*freep=*/1));
  if (!source) {
    std::free(bytes);
    return archiveError(path, archive);
  }
  std::string name = (array.name + ".npy").str();
  zip_int64_t index =
      zip_file_add(archive, name.c_str(), source.get(), ZIP_FL_ENC_UTF_8);
  if (index < 0)
    return archiveError(path, archive);
  (void)source.release();
  // 1 January 1980, midnight: the beginning of zip's calendar.
  constexpr uint16_t midnight = 0, date = (1 << 5) | 1;
  if (zip_file_set_dostime(archive, zip_uint64_t(index), midnight, date, 0) ||
      zip_set_file_compression(archive, zip_uint64_t(index), ZIP_CM_STORE, 0))
    return archiveError(path, archive);
  return Error::success();
}

/// The bytes of a finished archive.
static Expected<std::vector<uint8_t>> contents(zip_source_t *source,
                                               StringRef path) {
  zip_stat_t status;
  if (zip_source_stat(source, &status) || zip_source_open(source))
    return createStringError("'" + path + "': the archive cannot be read back");
  std::vector<uint8_t> bytes(status.size);
  zip_int64_t got = zip_source_read(source, bytes.data(), bytes.size());
  zip_source_close(source);
  if (got != zip_int64_t(bytes.size()))
    return createStringError("'" + path + "': the archive cannot be read back");
  return bytes;
}

Error mlir::prec::writeNpz(StringRef path,
                           llvm::ArrayRef<NamedTensorRef> arrays,
                           Durable durable) {
  ZipError error;
  Source buffer(zip_source_buffer_create(nullptr, 0, 0, &error.error));
  if (!buffer)
    return createStringError("'" + path + "': " + error.text());
  Archive archive(
      zip_open_from_source(buffer.get(), ZIP_TRUNCATE, &error.error));
  if (!archive)
    return createStringError("'" + path + "': " + error.text());
  zip_source_keep(buffer.get()); // the archive takes one reference, we another
  for (const NamedTensorRef &array : arrays)
    if (Error failure = addMember(archive.get(), array, path))
      return failure;
  if (zip_close(archive.get()))
    return archiveError(path, archive.get());
  (void)archive.release();
  // Without members libzip makes no file; this is an empty archive.
  static constexpr uint8_t kEmpty[22] = {'P', 'K', 5, 6};
  if (arrays.empty())
    return writeFile(path, kEmpty, durable);
  Expected<std::vector<uint8_t>> bytes = contents(buffer.get(), path);
  if (!bytes)
    return bytes.takeError();
  return writeFile(path, *bytes, durable);
}
