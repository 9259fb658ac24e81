// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Checkpoints: what is written comes back, whole or not at all.
#include "prec/Execution/Checkpoint.h"
#include "Expect.h"
#include "prec/Execution/Files.h"
#include "prec/Execution/Npz.h"
#include <sys/wait.h>
#include <unistd.h>

using namespace mlir::prec;
using namespace mlir::prec::test;
using testing::HasSubstr;

namespace {

const RunFacts facts = {{"seed", "1"}, {"batch size", "64"}, {"model", "abc"}};

TrainingState someState() {
  TrainingState state;
  state.names = {"w", "checkpoint", ""};
  state.tensors.push_back(Tensor::of<float>({2, 2}, {1, -0.0f, 3, 4}));
  state.tensors.push_back(Tensor::of<double>({1}, {0.1}));
  state.tensors.push_back(Tensor::scalar(2.5f));
  state.done = 77;
  state.epochLoss = 0.1;
  state.bestScore = 1.0 / 3;
  state.bestDone = 70;
  state.evaluationsSince = 3;
  return state;
}

TEST(Checkpoint, ComesBackAsItWas) {
  TemporaryFolder folder;
  std::string path = folder / "c.ckpt";
  TrainingState state = someState();
  LogMark mark = {123, "{\"step\":76}"};
  ASSERT_EQ(messageOf(writeCheckpoint(path, facts, 2, mark, state)), "success");
  EXPECT_EQ(folder.count(), 1);
  Checkpoint read = valueOf(readCheckpoint(path));
  EXPECT_EQ(read.facts, facts);
  EXPECT_EQ(read.run, 2u);
  EXPECT_EQ(read.log.bytes, 123u);
  EXPECT_EQ(read.log.lastLine, mark.lastLine);
  EXPECT_EQ(read.state.done, 77u);
  EXPECT_EQ(read.state.epochLoss, 0.1);
  EXPECT_EQ(read.state.bestScore, 1.0 / 3);
  EXPECT_EQ(read.state.bestDone, 70u);
  EXPECT_EQ(read.state.evaluationsSince, 3u);
  EXPECT_EQ(read.state.names, state.names);
  ASSERT_EQ(read.state.tensors.size(), 3u);
  for (auto [found, expected] : llvm::zip(read.state.tensors, state.tensors)) {
    EXPECT_EQ(describe(found), describe(expected));
    EXPECT_EQ(found.bytes(), expected.bytes());
  }
}

TEST(Checkpoint, TruncationsAndFlippedBitsAreRefused) {
  TemporaryFolder folder;
  std::string path = folder / "c.ckpt";
  TrainingState state = someState();
  ASSERT_EQ(messageOf(writeCheckpoint(path, facts, 0, {}, state)), "success");
  std::vector<uint8_t> good = contentOf(path);
  for (size_t n = 0; n < good.size(); n += n < 200 ? 1 : 7) {
    store(path, llvm::ArrayRef(good).take_front(n));
    EXPECT_NE(messageOf(readCheckpoint(path)), "success") << n;
  }
  // Bits that survive mean nothing: dates and versions in zip's headers.
  for (size_t n = 0; n < 8 * good.size(); n += 29) {
    std::vector<uint8_t> bad = good;
    bad[n / 8] ^= uint8_t(1 << (n % 8));
    store(path, bad);
    llvm::Expected<Checkpoint> read = readCheckpoint(path);
    if (!read) {
      llvm::consumeError(read.takeError());
      continue;
    }
    EXPECT_EQ(read->facts, facts) << n;
    EXPECT_EQ(read->state.done, 77u) << n;
    for (auto [found, expected] : llvm::zip(read->state.tensors, state.tensors))
      EXPECT_EQ(found.bytes(), expected.bytes()) << n;
  }
}

TEST(Checkpoint, OtherFilesAreRefused) {
  TemporaryFolder folder;
  std::string path = folder / "w.npz";
  EXPECT_THAT(messageOf(readCheckpoint(path)),
              HasSubstr("cannot resume: cannot read '"));
  Tensor w = Tensor::scalar(1.0f);
  ASSERT_EQ(messageOf(writeNpz(path, {{"w", &w}})), "success");
  EXPECT_THAT(messageOf(readCheckpoint(path)),
              HasSubstr("is not a checkpoint: found no array of bytes named"));
  auto head = [&](llvm::StringRef text) {
    Tensor bytes(DType::U8, {int64_t(text.size())});
    llvm::copy(text.bytes(), bytes.bytes().begin());
    llvm::cantFail(writeNpz(path, {{"checkpoint", &bytes}}));
    return messageOf(readCheckpoint(path));
  };
  EXPECT_THAT(head("{"), HasSubstr("its JSON text is broken"));
  EXPECT_THAT(head("[]"), HasSubstr("no object"));
  EXPECT_THAT(head("{}"), HasSubstr("found version none, expected 1"));
  EXPECT_THAT(head("{\"version\":2}"),
              HasSubstr("found version 2, expected 1"));
  EXPECT_THAT(head("{\"version\":1}"), HasSubstr("without what a checkpoint"));
}

TEST(Checkpoint, DifferencesAreNamed) {
  EXPECT_EQ(messageOf(checkFacts("c", facts, facts)), "success");
  RunFacts other = facts;
  other[1].second = "32";
  other[2].second = "def";
  EXPECT_EQ(messageOf(checkFacts("c", facts, other)),
            "'c' is the checkpoint of another run: batch size is 64 there and "
            "32 here");
  other = facts;
  other[2].second = "def";
  EXPECT_EQ(messageOf(checkFacts("c", facts, other)),
            "'c' is the checkpoint of another run: model is abc there and def "
            "here");
  other = {{"seed", "1"}, {"model", "def"}};
  EXPECT_EQ(messageOf(checkFacts("c", facts, other)),
            "'c' is the checkpoint of another run: batch size is 64 there and "
            "none here");
}

TEST(Checkpoint, LeftoversOfKilledProcessesGo) {
  TemporaryFolder folder;
  std::string path = folder / "c.ckpt";
  pid_t child = fork();
  if (child == 0)
    _exit(0);
  waitpid(child, nullptr, 0);
  std::string gone = std::to_string(child), here = std::to_string(getpid());
  for (const std::string &name :
       {".c.ckpt." + gone + ".0.tmp", ".c.ckpt." + here + ".0.tmp",
        ".d.ckpt." + gone + ".0.tmp", ".c.ckpt." + gone + ".tmp"})
    store(folder / name, {1});
  removeLeftovers(path);
  EXPECT_EQ(folder.count(), 3);
  EXPECT_TRUE(contentOf(folder / (".c.ckpt." + gone + ".0.tmp")).empty());
}

} // namespace
