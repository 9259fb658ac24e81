// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Data sets: the packaged one, folders that lack or break a file, and .npz.
#include "prec/Execution/DataSet.h"
#include "Expect.h"
#include "prec/Execution/Npz.h"

using namespace mlir::prec;
using namespace mlir::prec::test;
using testing::ElementsAre;
using testing::HasSubstr;

/// An IDX file of bytes.
static std::vector<uint8_t> idx(const std::vector<uint8_t> &shape,
                                const std::vector<uint8_t> &data) {
  std::vector<uint8_t> bytes = {0, 0, 8, uint8_t(shape.size())};
  for (uint8_t dim : shape)
    bytes.insert(bytes.end(), {0, 0, 0, dim});
  bytes.insert(bytes.end(), data.begin(), data.end());
  return bytes;
}

/// A folder with two training images and one test image.
static void fill(const TemporaryFolder &folder) {
  std::vector<uint8_t> pixels(2 * 784);
  for (size_t i = 0; i < pixels.size(); ++i)
    pixels[i] = uint8_t(i);
  store(folder / "train-images-idx3-ubyte", idx({2, 28, 28}, pixels));
  store(folder / "train-labels-idx1-ubyte", idx({2}, {3, 9}));
  pixels.resize(784);
  store(folder / "t10k-images-idx3-ubyte", idx({1, 28, 28}, pixels));
  store(folder / "t10k-labels-idx1-ubyte", idx({1}, {0}));
}

TEST(DataSet, FashionMnistOfDebian) {
  if (!llvm::sys::fs::is_directory(kFashionMnistFolder))
    GTEST_SKIP() << "needs Debian's package dataset-fashion-mnist";
  DataSet set = valueOf(loadDataSet({"fashion-mnist"}));
  EXPECT_EQ(describe(set.training.x), "tensor<60000x28x28xu8>");
  EXPECT_EQ(describe(set.test.y), "tensor<10000xi32>");
  // `gzip -dc t10k-labels-idx1-ubyte.gz | xxd` begins with these labels.
  EXPECT_THAT(set.test.y.span<int32_t>().take_front(8),
              ElementsAre(9, 2, 1, 1, 6, 1, 4, 6));
  int counts[10] = {};
  for (int32_t label : set.training.y.span<int32_t>())
    ++counts[label];
  EXPECT_THAT(counts, testing::Each(6000)); // as its authors state
}

TEST(DataSet, FolderAndPixels) {
  TemporaryFolder folder;
  fill(folder);
  DataSet set = valueOf(loadDataSet({"mnist", folder.path}));
  EXPECT_EQ(set.training.count(), 2);
  EXPECT_EQ(set.training.sampleSize(), 784);
  Tensor batch(DType::F32, {2, 784}), labels(DType::I32, {2});
  gather(set.training, {1, 0}, batch, labels);
  EXPECT_THAT(labels.span<int32_t>(), ElementsAre(9, 3));
  EXPECT_EQ(batch.span<float>()[784 + 255], 1.0f);
  EXPECT_EQ(batch.span<float>()[784 + 7], 7.0f / 255.0f);
  EXPECT_EQ(batch.span<float>()[0], float(784 % 256) / 255.0f);
  Tensor wide(DType::F64, {1, 784});
  gather(set.training, {0}, wide, labels);
  EXPECT_EQ(wide.span<double>()[7], 7.0 / 255.0);
}

TEST(DataSet, EveryDisagreementIsAnError) {
  TemporaryFolder folder;
  auto failure = [&] { return messageOf(loadDataSet({"mnist", folder.path})); };
  EXPECT_THAT(failure(), HasSubstr("train-images-idx3-ubyte': no such file"));
  fill(folder);
  store(folder / "train-labels-idx1-ubyte", idx({2}, {3, 10}));
  EXPECT_THAT(failure(), HasSubstr("label 1 is 10, expected 0 to 9"));
  store(folder / "train-labels-idx1-ubyte", idx({3}, {3, 1, 1}));
  EXPECT_THAT(failure(), HasSubstr("but labels for 3 in"));
  store(folder / "train-labels-idx1-ubyte", idx({2, 1}, {3, 1}));
  EXPECT_THAT(failure(), HasSubstr("found labels as tensor<2x1xu8>"));
  fill(folder);
  store(folder / "t10k-images-idx3-ubyte", idx({1, 2, 2}, {1, 2, 3, 4}));
  EXPECT_THAT(failure(), HasSubstr("found tensor<1x2x2xu8>, expected tensor"));
  store(folder / "t10k-images-idx3-ubyte", idx({0, 28, 28}, {}));
  store(folder / "t10k-labels-idx1-ubyte", idx({0}, {}));
  EXPECT_THAT(failure(), HasSubstr("found no samples"));
}

/// Records whose image i is filled with first + i.
static std::vector<uint8_t> cifar(std::vector<std::vector<uint8_t>> labels,
                                  uint8_t first) {
  std::vector<uint8_t> bytes;
  for (auto &label : labels) {
    bytes.insert(bytes.end(), label.begin(), label.end());
    bytes.insert(bytes.end(), 3072, first++);
  }
  return bytes;
}

TEST(DataSet, CifarRecords) {
  TemporaryFolder folder;
  for (int i = 1; i <= 5; ++i)
    store(folder / ("data_batch_" + std::to_string(i) + ".bin"),
          cifar({{uint8_t(i)}, {uint8_t(i - 1)}}, uint8_t(10 * i)));
  store(folder / "test_batch.bin", cifar({{9}}, 200));
  DataSet set = valueOf(loadDataSet({"cifar-10", folder.path}));
  EXPECT_EQ(describe(set.training.x), "tensor<10x3x32x32xu8>");
  EXPECT_THAT(set.training.y.span<int32_t>(),
              ElementsAre(1, 0, 2, 1, 3, 2, 4, 3, 5, 4));
  for (int64_t i = 0; i < 10; ++i)
    EXPECT_THAT(set.training.x.bytes().slice(size_t(i) * 3072, 3072),
                testing::Each(uint8_t(10 * (i / 2 + 1) + i % 2)));
  EXPECT_EQ(set.test.y.span<int32_t>()[0], 9);
  EXPECT_EQ(set.classes, 10);
  store(folder / "train.bin", cifar({{3, 99}, {19, 0}}, 1));
  store(folder / "test.bin", cifar({{0, 50}}, 7));
  DataSet hundred = valueOf(loadDataSet({"cifar-100", folder.path}));
  EXPECT_THAT(hundred.training.y.span<int32_t>(), ElementsAre(99, 0));
  EXPECT_EQ(hundred.training.x.bytes()[3072], 2);
  EXPECT_EQ(hundred.classes, 100);
}

TEST(DataSet, CifarFilesThatAreWrong) {
  TemporaryFolder folder;
  auto failure = [&](const char *name = "cifar-100") {
    return messageOf(loadDataSet({name, folder.path}));
  };
  EXPECT_THAT(messageOf(loadDataSet({"cifar-10"})),
              HasSubstr("--data-dir=DIR"));
  EXPECT_THAT(messageOf(loadDataSet({"cifar-10", "/nowhere"})),
              HasSubstr("cannot read '/nowhere'"));
  EXPECT_THAT(failure(), HasSubstr("train.bin': no such file"));
  std::vector<uint8_t> good = cifar({{0, 1}}, 0);
  store(folder / "test.bin", good);
  for (size_t size : {size_t(0), size_t(1), good.size() - 1, good.size() + 1}) {
    std::vector<uint8_t> bad = good;
    bad.resize(size);
    store(folder / "train.bin", bad);
    EXPECT_THAT(failure(),
                HasSubstr("train.bin': found " + std::to_string(size) +
                          " bytes, expected a multiple of 3074"));
  }
  store(folder / "train.bin", cifar({{0, 1}, {0, 100}}, 0));
  EXPECT_THAT(failure(), HasSubstr("label 1 is 100, expected 0 to 99"));
  store(folder / "data_batch_1.bin", cifar({{10}}, 0));
  EXPECT_THAT(failure("cifar-10"), HasSubstr("label 0 is 10, expected 0 to 9"));
  store(folder / "train.bin.gz", {0x1f, 0x8b, 8, 0, 0});
  llvm::sys::fs::remove(folder / "train.bin");
  EXPECT_THAT(failure(), HasSubstr("train.bin.gz"));
}

TEST(DataSet, TextIsBytesAndTheOneThatFollows) {
  TemporaryFolder folder;
  std::string path = folder / "t.txt";
  std::vector<uint8_t> text(100);
  for (size_t i = 0; i < text.size(); ++i)
    text[i] = uint8_t(3 * i);
  store(path, text);
  DataSet set = valueOf(loadDataSet({path, "", 4}));
  EXPECT_EQ(set.classes, 256);
  EXPECT_EQ(describe(set.training.x), "tensor<86x4xu8>");
  EXPECT_EQ(describe(set.test.x), "tensor<6x4xu8>");
  Tensor batch(DType::I32, {2, 4}), labels(DType::I32, {2});
  gather(set.training, {0, 85}, batch, labels);
  EXPECT_THAT(batch.span<int32_t>(),
              ElementsAre(0, 3, 6, 9, 255, 2, 5, 8)); // modulo 256
  EXPECT_THAT(labels.span<int32_t>(), ElementsAre(12, 11));
  gather(set.test, {0, 5}, batch, labels);
  EXPECT_THAT(batch.span<int32_t>(),
              ElementsAre(14, 17, 20, 23, 29, 32, 35, 38));
  EXPECT_THAT(labels.span<int32_t>(), ElementsAre(26, 41));
  DataSet each = valueOf(loadDataSet({path, "", 4, 4}));
  EXPECT_EQ(each.training.count(), 86);
  EXPECT_EQ(each.training.labelSize(), 4);
  Tensor four(DType::I32, {2, 4});
  gather(each.training, {0, 85}, batch, four);
  EXPECT_THAT(four.span<int32_t>(), ElementsAre(3, 6, 9, 12, 2, 5, 8, 11));
  gather(each.test, {5}, batch, four);
  EXPECT_THAT(four.span<int32_t>().take_front(4), ElementsAre(32, 35, 38, 41));
  EXPECT_THAT(messageOf(loadDataSet({path, "", 4, 2})),
              HasSubstr("found a model with 2 rows of logits a sample"));
  EXPECT_THAT(messageOf(loadDataSet({path, "", 10})),
              HasSubstr("found 100 bytes, expected more than 110"));
  EXPECT_THAT(messageOf(loadDataSet({path})),
              HasSubstr("a text needs a model whose x is tokens of i32"));
  EXPECT_THAT(messageOf(loadDataSet({folder / "absent.txt", "", 4})),
              HasSubstr("no such file"));
}

TEST(DataSet, UnknownOrAbsent) {
  EXPECT_THAT(messageOf(loadDataSet({"cifar"})),
              HasSubstr("unknown data set 'cifar', expected fashion-mnist"));
  EXPECT_THAT(messageOf(loadDataSet({"mnist"})), HasSubstr("--data-dir=DIR"));
  EXPECT_THAT(messageOf(loadDataSet({"mnist", "/nowhere"})),
              HasSubstr("cannot read '/nowhere'"));
}

TEST(DataSet, NpzOfXAndY) {
  TemporaryFolder folder;
  std::string path = folder / "d.npz";
  Tensor x = Tensor::of<float>({2, 2}, {1, 2, 3, 4});
  Tensor y = Tensor::of<int64_t>({2}, {0, 4}),
         bad = Tensor::of<int64_t>({1}, {1});
  Tensor negative = Tensor::of<int64_t>({2}, {0, -1});
  ASSERT_EQ(messageOf(writeNpz(path, {{"x", &x}, {"y", &y}})), "success");
  DataSet set = valueOf(loadDataSet({path}));
  EXPECT_EQ(set.classes, 5);
  EXPECT_EQ(set.test.count(), 0);
  Tensor batch(DType::F32, {1, 2}), labels(DType::I32, {1});
  gather(set.training, {1}, batch, labels);
  EXPECT_THAT(batch.span<float>(), ElementsAre(3, 4));
  ASSERT_EQ(messageOf(writeNpz(path, {{"x", &x}, {"y", &bad}})), "success");
  EXPECT_THAT(messageOf(loadDataSet({path})), HasSubstr("but labels for 1 in"));
  ASSERT_EQ(messageOf(writeNpz(path, {{"x", &x}, {"y", &negative}})),
            "success");
  EXPECT_THAT(messageOf(loadDataSet({path})), HasSubstr("label 1 is"));
  ASSERT_EQ(messageOf(writeNpz(path, {{"a", &x}, {"y", &y}})), "success");
  EXPECT_THAT(messageOf(loadDataSet({path})),
              HasSubstr("found the arrays a, y, expected x_train"));
}
