// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels, entries and events that a profile counts; buffers at a peak.
#include "prec/Execution/Profile.h"
#include "prec/Execution/LiveBuffers.h"
#include "gtest/gtest.h"

using namespace mlir::prec;

namespace {

constexpr char first[] = "step\0conv", second[] = "step\0relu";

TEST(Profile, NothingIsCountedWithoutARecording) {
  Profile profile;
  profileBegin(first, 1, 2, 32);
  profileEnd();
  {
    Profile::Call call("step");
  }
  EXPECT_TRUE(profile.kernels().empty());
  EXPECT_TRUE(profile.entries().empty());
}

TEST(Profile, SumsAreByNameAndEventsByCall) {
  Profile profile(3);
  {
    Profile::Recording recording(profile);
    for (int i = 0; i < 2; ++i) {
      Profile::Call call("step");
      profileBegin(first, 100, 10, 32);
      profileEnd();
      profileBegin(second, -1, 4, 64);
      profileEnd();
      profileEnd(); // one too many, of code that was left by an error
    }
  }
  profileBegin(first, 100, 10, 32);
  profileEnd();
  ASSERT_EQ(profile.kernels().size(), 2u);
  const Profile::Kernel &conv = profile.kernels()[0];
  EXPECT_EQ(conv.entry, "step");
  EXPECT_EQ(conv.name, "conv");
  EXPECT_EQ(conv.calls, 2u);
  EXPECT_EQ(conv.flops, 200);
  EXPECT_EQ(conv.bytes, 20);
  EXPECT_EQ(conv.bits, 32u);
  EXPECT_TRUE(conv.knowsFlops);
  EXPECT_LE(2 * conv.least, conv.seconds);
  const Profile::Kernel &relu = profile.kernels()[1];
  EXPECT_EQ(relu.name, "relu");
  EXPECT_EQ(relu.bits, 64u);
  EXPECT_FALSE(relu.knowsFlops);
  ASSERT_EQ(profile.entries().size(), 1u);
  EXPECT_EQ(profile.entries()[0].calls, 2u);
  EXPECT_GE(profile.entries()[0].seconds, conv.seconds + relu.seconds);
  // Two kernels and the entry, twice.
  ASSERT_EQ(profile.events().size(), 3u);
  EXPECT_EQ(profile.lostEvents(), 3u);
  EXPECT_EQ(profile.events()[1].kernel, 1);
  EXPECT_EQ(profile.events()[2].kernel, -1);
}

constexpr char small[] = "f\0a\0004xf32", large[] = "f\0b\0?x3xf64",
               scalar[] = "f\0c\0i1";

TEST(LiveBuffers, ThePeakIsTheLargestSumOfOneTime) {
  LiveBuffers buffers;
  Tensor argument(DType::F64, {5});
  std::vector<Tensor> results;
  results.emplace_back(DType::F32, llvm::ArrayRef<int64_t>{4});
  {
    LiveBuffers::Recording recording(buffers);
    LiveBuffers::Call call("f", {&argument});
    bufferLive(small, 64, 4); // 16
    bufferSize(2);
    bufferLive(large, 128, 8); // 16 + 48
    bufferDead(64);
    bufferLive(scalar, 192, 1); // 48 + 1
    bufferDead(128);
    bufferLive(small, 64, 4); // 1 + 16
    bufferDead(7);            // not ours
    call.setResults(results);
  }
  bufferLive(large, 256, 8);
  ASSERT_EQ(buffers.entries().size(), 1u);
  const LiveBuffers::Entry &f = buffers.entries()[0];
  EXPECT_EQ(f.peakBytes, 64u);
  EXPECT_EQ(f.argumentBytes, 40u);
  EXPECT_EQ(f.resultBytes, 16u);
  ASSERT_EQ(f.atPeak.size(), 2u);
  EXPECT_EQ(f.atPeak[0].owner, "b");
  EXPECT_EQ(f.atPeak[0].shape, "2x3xf64");
  EXPECT_EQ(f.atPeak[0].bytes, 48u);
  EXPECT_EQ(f.atPeak[1].shape, "4xf32");
}

TEST(LiveBuffers, EachCallBeginsWithNone) {
  LiveBuffers buffers;
  LiveBuffers::Recording recording(buffers);
  for (int i = 0; i < 3; ++i) {
    LiveBuffers::Call call("f", {});
    bufferLive(small, 64 + i, 4); // a result, which the call does not release
  }
  EXPECT_EQ(buffers.entries()[0].calls, 3u);
  EXPECT_EQ(buffers.entries()[0].peakBytes, 16u);
}

} // namespace
