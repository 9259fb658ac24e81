// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Files that are written whole or not at all, and every way that fails.
#include "prec/Execution/Files.h"
#include "Expect.h"
#include "prec/Execution/Npy.h"
#include "prec/Execution/Tensor.h"
#include <csignal>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace mlir::prec;
using namespace mlir::prec::test;
using testing::HasSubstr;

static const std::vector<uint8_t> kOld = {1}, kNew = {2, 3};

TEST(Files, CommitReplacesAndDiscardKeeps) {
  TemporaryFolder folder;
  std::string path = folder / "f";
  store(path, kOld);
  {
    AtomicFile file = llvm::cantFail(AtomicFile::create(path));
    ASSERT_EQ(messageOf(file.write(kNew)), "success");
    EXPECT_EQ(contentOf(path), kOld);
    EXPECT_EQ(folder.count(), 2);
  }
  EXPECT_EQ(contentOf(path), kOld);
  EXPECT_EQ(folder.count(), 1);
  ASSERT_EQ(messageOf(writeFile(path, kNew)), "success");
  EXPECT_EQ(contentOf(path), kNew);
  EXPECT_EQ(folder.count(), 1);
}

TEST(Files, PartsOfAFile) {
  TemporaryFolder folder;
  std::string path = folder / "f";
  store(path, std::vector<uint8_t>{1, 2, 3, 4, 5});
  EXPECT_EQ(regularFileSize(path), 5u);
  EXPECT_EQ(regularFileSize(folder / "none"), std::nullopt);
  EXPECT_EQ(regularFileSize(folder / "."), std::nullopt);
  EXPECT_EQ(regularFileSize("/dev/zero"), std::nullopt);
  std::vector<uint8_t> part(3);
  ASSERT_EQ(messageOf(readFileInto(path, 1, part)), "success");
  EXPECT_EQ(part, (std::vector<uint8_t>{2, 3, 4}));
  EXPECT_THAT(messageOf(readFileInto(path, 4, part)),
              HasSubstr("became shorter while it was read: 2 bytes"));
  EXPECT_THAT(messageOf(readFileInto(folder / "none", 0, part)),
              HasSubstr("no such file"));
}

TEST(Files, KeepsModeAndSymbolicLink) {
  TemporaryFolder folder;
  std::string path = folder / "f", link = folder / "l";
  store(path, kOld);
  ASSERT_EQ(chmod(path.c_str(), 0600), 0);
  ASSERT_EQ(symlink("f", link.c_str()), 0);
  ASSERT_EQ(messageOf(writeFile(link, kNew)), "success");
  EXPECT_EQ(contentOf(path), kNew);
  struct stat status;
  ASSERT_EQ(lstat(link.c_str(), &status), 0);
  EXPECT_TRUE(S_ISLNK(status.st_mode));
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST(Files, FullDeviceIsAnError) {
  EXPECT_EQ(messageOf(writeFile("/dev/full", kNew)),
            "cannot write '/dev/full': no space left on device");
  EXPECT_EQ(messageOf(writeNpy("/dev/full", Tensor::scalar(1.0f))),
            "cannot write '/dev/full': no space left on device");
  EXPECT_EQ(messageOf(writeFile("/dev/null", kNew)), "success");
}

TEST(Files, FullDiskLeavesNothing) {
  TemporaryFolder folder;
  if (mount("tmpfs", folder.path.c_str(), "tmpfs", 0, "size=64k") != 0)
    GTEST_SKIP() << "mounting a small tmpfs needs root";
  std::string path = folder / "x.npy";
  EXPECT_EQ(messageOf(writeNpy(path, Tensor(DType::F32, {100000}))),
            "cannot write '" + path + "': no space left on device");
  EXPECT_EQ(folder.count(), 0);
  umount(folder.path.c_str());
}

TEST(Files, WrongPaths) {
  TemporaryFolder folder;
  EXPECT_EQ(messageOf(writeFile(folder / "no/f", kNew)),
            "cannot write '" + (folder / "no/f") +
                "': no such file or directory");
  EXPECT_THAT(messageOf(writeFile(folder.path, kNew)),
              HasSubstr("is a directory"));
  EXPECT_THAT(messageOf(readFile(folder.path)), HasSubstr("is a directory"));
  EXPECT_THAT(messageOf(readFile(folder / "f")),
              HasSubstr("no such file or directory"));
  ASSERT_EQ(chmod(folder.path.c_str(), 0500), 0);
  if (access(folder.path.c_str(), W_OK) == 0)
    GTEST_SKIP() << "root may write to any directory";
  EXPECT_THAT(messageOf(writeFile(folder / "f", kNew)),
              HasSubstr("permission denied"));
}

TEST(Files, PipesAreWrittenAndReadInPlace) {
  TemporaryFolder folder;
  std::string path = folder / "pipe";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  int reader = open(path.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_EQ(messageOf(writeFile(path, kNew)), "success");
  uint8_t bytes[4];
  EXPECT_EQ(read(reader, bytes, 4), 2);
  close(reader);
  struct stat status;
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_TRUE(S_ISFIFO(status.st_mode));
}

TEST(Files, ClosedPipeIsAnError) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);
  auto *old = signal(SIGPIPE, SIG_IGN);
  std::string path = "/dev/fd/" + std::to_string(ends[1]);
  EXPECT_THAT(messageOf(writeFile(path, kNew)), HasSubstr("broken pipe"));
  signal(SIGPIPE, old);
  close(ends[1]);
}
