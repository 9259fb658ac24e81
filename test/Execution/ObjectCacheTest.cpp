// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The object cache by itself and under the engine.
#include "prec/Execution/ObjectCache.h"
#include "Expect.h"
#include "Lowered.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <thread>

using namespace mlir::prec;
using namespace mlir::prec::test;
using testing::HasSubstr;

static std::string stored(const ObjectCache &cache, llvm::StringRef key) {
  std::unique_ptr<llvm::MemoryBuffer> object = cache.load(key);
  return object ? object->getBuffer().str() : "absent";
}

/// Sets when a file was used last.
static void setAge(const std::string &path, int secondsAgo) {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  now.tv_sec -= secondsAgo;
  timespec both[2] = {now, now};
  ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), both, 0), 0);
}

TEST(ObjectCache, KeysKeepPartsApart) {
  EXPECT_EQ(ObjectCache::key({"a", "b"}), ObjectCache::key({"a", "b"}));
  EXPECT_NE(ObjectCache::key({"a", "b"}), ObjectCache::key({"ab", ""}));
  EXPECT_NE(ObjectCache::key({"a", "b"}), ObjectCache::key({"b", "a"}));
}

TEST(ObjectCache, DamagedEntriesAreAbsent) {
  TemporaryFolder folder;
  ObjectCache cache(folder / "new/deep", 1 << 20);
  EXPECT_EQ(stored(cache, "k"), "absent");
  ASSERT_EQ(messageOf(cache.store("k", "object")), "success");
  EXPECT_EQ(stored(cache, "k"), "object");
  std::vector<uint8_t> whole = contentOf(cache.path("k"));
  for (size_t i = 0; i < whole.size(); ++i) {
    std::vector<uint8_t> changed = whole;
    changed[i] ^= 4;
    store(cache.path("k"), changed);
    EXPECT_EQ(stored(cache, "k"), "absent") << i;
    store(cache.path("k"), llvm::ArrayRef<uint8_t>(whole).take_front(i));
    EXPECT_EQ(stored(cache, "k"), "absent") << i;
  }
  ASSERT_EQ(messageOf(cache.store("k", "object")), "success");
  EXPECT_EQ(stored(cache, "k"), "object");
}

TEST(ObjectCache, TheLeastRecentlyUsedGoFirst) {
  TemporaryFolder folder;
  ObjectCache cache(folder.path, 400); // three entries of 40 + 100 are too many
  std::string object(100, 'o');
  ASSERT_EQ(messageOf(cache.store("a", object)), "success");
  ASSERT_EQ(messageOf(cache.store("b", object)), "success");
  setAge(cache.path("a"), 100);
  setAge(cache.path("b"), 50);
  EXPECT_EQ(stored(cache, "a"), object); // used now
  ASSERT_EQ(messageOf(cache.store("c", object)), "success");
  EXPECT_EQ(stored(cache, "b"), "absent");
  EXPECT_EQ(stored(cache, "a"), object);
  EXPECT_EQ(stored(cache, "c"), object);
}

TEST(ObjectCache, OldHalfWrittenFilesGo) {
  TemporaryFolder folder;
  ObjectCache cache(folder.path, 1000);
  std::string old = folder / ".x.precobj.1.0.tmp",
              young = folder / ".y.precobj.1.0.tmp";
  store(old, {1});
  store(young, {1});
  setAge(old, 4000);
  ASSERT_EQ(messageOf(cache.store("k", "o")), "success");
  EXPECT_FALSE(llvm::sys::fs::exists(old));
  EXPECT_TRUE(llvm::sys::fs::exists(young));
}

TEST(ObjectCache, ManyWritersOfOneEntry) {
  TemporaryFolder folder;
  ObjectCache cache(folder.path, 1 << 20);
  std::string object(5000, 'o');
  std::atomic<int> wrong{0};
  auto work = [&] {
    for (int i = 0; i < 50; ++i) {
      wrong += messageOf(cache.store("k", object)) != "success";
      wrong += stored(cache, "k") != object;
    }
  };
  std::thread first(work), second(work);
  first.join();
  second.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(folder.count(), 1);
}

TEST(ObjectCache, TheEngineHitsMissesAndReplaces) {
  TemporaryFolder folder;
  ValueInfo scalar{"", ValueKind::Scalar, DType::F32, {}, ""};
  Signature entry{"plain", {scalar, scalar}, {scalar}, {}};
  EngineOptions options;
  options.cacheDirectory = folder.path;
  auto run = [&] {
    Engine engine = llvm::cantFail(build(kMulAdd, entry, options));
    Tensor a = Tensor::scalar(3.0f), c = Tensor::scalar(1.0f);
    auto y = llvm::cantFail(engine.lookup("plain")).call({&a, &c});
    EXPECT_EQ(valueOf(std::move(y))[0].span<float>()[0], 10);
    EXPECT_EQ(engine.report().cacheWarning, "");
    return engine.report().cacheHit;
  };
  EXPECT_FALSE(run());
  EXPECT_TRUE(run());
  options.optLevel = 1;
  EXPECT_FALSE(run());
  EXPECT_EQ(folder.count(), 2);
  options.optLevel = 2;
  std::error_code error;
  for (llvm::sys::fs::directory_iterator it(folder.path, error), end; it != end;
       it.increment(error))
    store(it->path(), {1, 2, 3});
  EXPECT_FALSE(run());
  EXPECT_TRUE(run());
  options.useCache = false;
  EXPECT_FALSE(run());
  // A folder that cannot be made is no reason to stop.
  options.useCache = true;
  options.cacheDirectory = "/dev/null/x";
  Engine engine = llvm::cantFail(build(kMulAdd, entry, options));
  EXPECT_THAT(engine.report().cacheWarning,
              HasSubstr("cannot make the cache folder '/dev/null/x'"));
}

TEST(ObjectCache, TheEngineLoadsByWhatTheModuleWasMadeFrom) {
  TemporaryFolder folder;
  ValueInfo scalar{"", ValueKind::Scalar, DType::F32, {}, ""};
  Signature entry{"plain", {scalar, scalar}, {scalar}, {}};
  EngineOptions options;
  options.cacheDirectory = folder.path;
  EXPECT_FALSE(llvm::cantFail(Engine::load({entry}, options)));
  options.source = "a";
  EXPECT_FALSE(llvm::cantFail(Engine::load({entry}, options)));
  EXPECT_FALSE(
      llvm::cantFail(build(kMulAdd, entry, options)).report().cacheHit);
  auto loaded = llvm::cantFail(Engine::load({entry}, options));
  ASSERT_TRUE(loaded);
  EXPECT_TRUE(loaded->report().cacheHit);
  Tensor a = Tensor::scalar(3.0f), c = Tensor::scalar(1.0f);
  auto y = llvm::cantFail(loaded->lookup("plain")).call({&a, &c});
  EXPECT_EQ(valueOf(std::move(y))[0].span<float>()[0], 10);
  // Another source, level or no cache: nothing.
  options.optLevel = 1;
  EXPECT_FALSE(llvm::cantFail(Engine::load({entry}, options)));
  options.optLevel = 2;
  options.useCache = false;
  EXPECT_FALSE(llvm::cantFail(Engine::load({entry}, options)));
  options.useCache = true;
  options.source = "b";
  EXPECT_FALSE(llvm::cantFail(Engine::load({entry}, options)));
}
