// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The training loop around functions written in C++.
#include "prec/Execution/Trainer.h"
#include "Expect.h"
#include "TrainerFunctions.h"
#include "llvm/ADT/SmallSet.h"
#include <cmath>
#include <csignal>
#include <fcntl.h>

using namespace mlir::prec;
using namespace mlir::prec::test;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

TEST(Trainer, EpochsAreSeededPermutationsWithoutTheRest) {
  DataSet set = numbers();
  auto train = [&](uint32_t seed) {
    Seen seen;
    TrainerOptions options = quiet();
    options.epochs = 2;
    options.seed = seed;
    options.evalEvery = 0;
    Trainer trainer = llvm::cantFail(
        Trainer::create(stepOf(seen, 4), predictOf(seen, -1), set, options));
    TrainingState state = valueOf(trainer.initialState());
    TrainingResult result = valueOf(trainer.run(state, nullptr));
    EXPECT_EQ(state.done, 4u);
    EXPECT_FALSE(result.last.testAccuracy.has_value());
    EXPECT_NEAR(state.tensors[0].span<float>()[0], 2.4f, 1e-6);
    EXPECT_EQ(seen.rate, 0.1f);
    return seen;
  };
  Seen seen = train(1);
  EXPECT_THAT(seen.steps, ElementsAre(0, 1, 2, 3));
  for (int epoch = 0; epoch < 2; ++epoch) {
    llvm::SmallSet<int, 10> samples;
    for (int i : {2 * epoch, 2 * epoch + 1})
      for (int sample : seen.batches[size_t(i)])
        EXPECT_TRUE(samples.insert(sample).second);
    EXPECT_EQ(samples.size(), 8u);
  }
  EXPECT_NE(seen.batches[0], seen.batches[2]);
  EXPECT_EQ(train(1).batches, seen.batches);
  EXPECT_NE(train(2).batches, seen.batches);
}

TEST(Trainer, EvaluationTakesAllSamplesPaddedIfStatic) {
  DataSet set = numbers();
  for (int64_t batch : {-1, 4}) {
    Seen seen;
    TrainerOptions options = quiet();
    options.steps = 5;
    options.evalEvery = 2;
    options.firstStep = 10;
    options.batchSize = 4;
    Trainer trainer = llvm::cantFail(Trainer::create(
        stepOf(seen, batch), predictOf(seen, batch), set, options));
    TrainingState state = valueOf(trainer.initialState());
    TemporaryFolder folder;
    TrainingLog log = llvm::cantFail(TrainingLog::open(folder / "log"));
    TrainingResult result = valueOf(trainer.run(state, &log));
    // Test labels are right but for the NaN; of training's first five, too.
    EXPECT_EQ(result.last.testAccuracy, 0.8);
    EXPECT_EQ(result.last.accuracy, 0.8);
    EXPECT_THAT(seen.steps, ElementsAre(10, 11, 12, 13, 14));
    // After steps 1, 3 and the last: training then test, two batches each.
    int64_t rest = batch < 0 ? 1 : 4;
    ASSERT_EQ(seen.predictSizes.size(), 12u);
    EXPECT_EQ(seen.predictSizes[0], 4);
    EXPECT_EQ(seen.predictSizes[1], rest);
    EXPECT_EQ(seen.predictSteps[0], 11u);
    EXPECT_EQ(seen.predictSteps[11], 14u);
    std::vector<llvm::json::Object> lines = linesOf(folder / "log");
    ASSERT_EQ(lines.size(), 5u);
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(lines[i].getInteger("step"), i);
      EXPECT_EQ(lines[i].getInteger("epoch"), i / 2);
      EXPECT_EQ(lines[i].getNumber("test_accuracy").has_value(),
                i == 1 || i == 3 || i == 4);
      EXPECT_TRUE(lines[i].getNumber("seconds").has_value());
    }
  }
}

TEST(Trainer, UnroundedAccuracyAndConstantFields) {
  DataSet set = numbers();
  Seen seen, other;
  TrainerOptions options = quiet();
  options.steps = 1;
  options.fields = {{"truncate_mantissa", 3}, {"rounding", "stochastic"}};
  Trainer trainer = llvm::cantFail(
      Trainer::create(stepOf(seen, 4), predictOf(seen, -1), set, options));
  ASSERT_EQ(messageOf(trainer.setUnroundedPredict(predictOf(other, 5))),
            "success");
  TrainingState state = valueOf(trainer.initialState());
  TemporaryFolder folder;
  TrainingLog log = llvm::cantFail(TrainingLog::open(folder / "log"));
  valueOf(trainer.run(state, &log));
  llvm::json::Object line = linesOf(folder / "log")[0];
  EXPECT_EQ(line.getNumber("test_accuracy_f32"), 0.8);
  EXPECT_EQ(line.getInteger("truncate_mantissa"), 3);
  EXPECT_EQ(line.getString("rounding"), "stochastic");
  EXPECT_EQ(other.predictSizes.size(), 1u);
}

TEST(Trainer, StoppedAndContinuedEqualsUninterrupted) {
  DataSet set = numbers();
  auto stop = [](uint32_t at) {
    if (at == 2)
      std::raise(SIGINT);
    return 1.0f;
  };
  Seen whole, first, second;
  TrainerOptions options = quiet();
  options.steps = 6;
  auto make = [&](Seen &seen, const std::function<float(uint32_t)> &loss) {
    return llvm::cantFail(Trainer::create(stepOf(seen, 4, loss),
                                          predictOf(seen, -1), set, options));
  };
  TemporaryFolder folder;
  LogMark mark;
  Trainer trainer = make(first, stop);
  TrainingState state = valueOf(trainer.initialState());
  {
    TrainingLog log = llvm::cantFail(TrainingLog::open(folder / "log"));
    TrainingResult result = valueOf(trainer.run(state, &log));
    EXPECT_TRUE(result.interrupted);
    EXPECT_EQ(result.last.step, 2u);
    EXPECT_FALSE(result.last.testAccuracy.has_value());
    mark = log.mark();
    EXPECT_EQ(messageOf(log.write("beyond the mark")), "success");
  }
  EXPECT_EQ(state.done, 3u);
  EXPECT_EQ(mark.bytes, contentOf(folder / "log").size() - 16);
  LogMark other = {mark.bytes, "another line"};
  EXPECT_THAT(messageOf(TrainingLog::open(folder / "log", &other)),
              HasSubstr("' is not the log of the run to go on with"));
  {
    TrainingLog log = llvm::cantFail(TrainingLog::open(folder / "log", &mark));
    TrainingResult result = valueOf(make(second, nullptr).run(state, &log));
    EXPECT_FALSE(result.interrupted);
    EXPECT_TRUE(result.last.testAccuracy.has_value());
  }
  EXPECT_EQ(linesOf(folder / "log").size(), 6u);
  Trainer again = make(whole, nullptr);
  TrainingState fresh = valueOf(again.initialState());
  valueOf(again.run(fresh, nullptr));
  first.batches.insert(first.batches.end(), second.batches.begin(),
                       second.batches.end());
  EXPECT_EQ(first.batches, whole.batches);
  EXPECT_EQ(fresh.tensors[0].span<float>()[0],
            state.tensors[0].span<float>()[0]);
}

TEST(Trainer, WhatDoesNotFitIsRefused) {
  DataSet set = numbers();
  Seen seen;
  auto failure = [&](auto change) {
    Callable step = stepOf(seen, 4), predict = predictOf(seen, -1);
    TrainerOptions options = quiet();
    change(step.signature, predict.signature, options);
    return messageOf(Trainer::create(step, predict, set, options));
  };
  using S = Signature;
  using O = TrainerOptions;
  EXPECT_THAT(failure([](S &, S &, O &o) { o.batchSize = 5; }),
              HasSubstr("batch size 5, expected 4 as @step is made for"));
  EXPECT_THAT(failure([](S &s, S &, O &o) {
                s.arguments[1].shape[0] = s.arguments[2].shape[0] = -2;
                o.batchSize = 11;
              }),
              HasSubstr("found batch size 11, expected 1 to 10"));
  EXPECT_THAT(failure([](S &s, S &, O &) { s.arguments.pop_back(); }),
              HasSubstr("found 3 arguments and 2 results, expected (param"));
  EXPECT_THAT(failure([](S &s, S &, O &) { s.results[0].shape = {2}; }),
              HasSubstr("argument 0 'w' of @step: found tensor<1xf32>, "
                        "expected the type of result 0, tensor<2xf32>"));
  EXPECT_THAT(failure([](S &s, S &, O &) { s.arguments[0].shape = {-1}; }),
              HasSubstr("expected a tensor of static shape"));
  EXPECT_THAT(failure([](S &s, S &, O &) { s.arguments[1].shape[1] = 784; }),
              HasSubstr("expected 1 elements a sample, as the data set numb"));
  EXPECT_THAT(
      failure([](S &s, S &, O &) { s.arguments[2].dtype = DType::I64; }),
      HasSubstr("expected labels, i32, one or more for each"));
  EXPECT_THAT(failure([](S &s, S &, O &) { s.arguments[2].shape[0] = 3; }),
              HasSubstr("expected labels, i32, one or more for each"));
  EXPECT_THAT(
      failure([](S &s, S &, O &) { s.arguments[3].dtype = DType::F64; }),
      HasSubstr("expected the learning rate, f32"));
  EXPECT_THAT(failure([](S &s, S &, O &) { s.results[1].dtype = DType::I32; }),
              HasSubstr("expected the loss"));
  EXPECT_THAT(failure([](S &, S &p, O &) { p.arguments[0].name = "b"; }),
              HasSubstr("argument 0 'b' of @predict"));
  EXPECT_THAT(failure([](S &, S &p, O &) { p.arguments[1].shape[1] = 2; }),
              HasSubstr("expected 1 elements a sample"));
  EXPECT_THAT(failure([](S &, S &p, O &) { p.results[0].shape[1] = 1; }),
              HasSubstr("expected logits for 2 classes"));
  EXPECT_THAT(failure([](S &, S &, O &o) { o.patience = 0; }),
              HasSubstr("patience of 0 evaluations, expected 1 or more"));
  EXPECT_THAT(failure([](S &, S &, O &o) { o.saveEvery = 0; }),
              HasSubstr("checkpoint every 0 steps, expected 1 or more"));
  EXPECT_THAT(failure([](S &, S &, O &o) { o.learningRate.base = NAN; }),
              HasSubstr("learning rate that is not finite"));
  EXPECT_THAT(failure([](S &, S &, O &o) { o.steps = -1; }),
              HasSubstr("negative number"));
  EXPECT_THAT(failure([](S &, S &, O &o) {
                o.steps = 2;
                o.firstStep = 0xffffffff;
              }),
              HasSubstr("more than 2^32 steps"));
}

TEST(Trainer, FaultsDuringTheRunAreErrors) {
  DataSet set = numbers();
  Seen seen;
  TrainerOptions options = quiet();
  Trainer trainer = llvm::cantFail(
      Trainer::create(stepOf(seen, 4), predictOf(seen, -1), set, options));
  TrainingState state = valueOf(trainer.initialState());
  TrainingLog full = llvm::cantFail(TrainingLog::open("/dev/full"));
  EXPECT_EQ(messageOf(trainer.run(state, &full)),
            "cannot write '/dev/full': no space left on device");
  EXPECT_THAT(messageOf(TrainingLog::open("/nowhere/log")),
              HasSubstr("cannot write '/nowhere/log': no such file"));
  TrainingState other;
  EXPECT_THAT(messageOf(trainer.run(other, nullptr)),
              HasSubstr("found a state of 0 tensors, expected 1"));
  Callable step = stepOf(seen, 4);
  step.signature.arguments[0].init = "";
  Trainer bare =
      llvm::cantFail(Trainer::create(step, predictOf(seen, -1), set, options));
  EXPECT_THAT(messageOf(bare.initialState()),
              HasSubstr("argument 0 'w' of @step: parameter 'w': no prec.init, "
                        "and no weights are given, expected zeros, "
                        "constant:C"));
}

} // namespace
