#include "bench/load/lock_verifier.h"

#include <gtest/gtest.h>

namespace lockkeeper::load {
namespace {

constexpr size_t kLock = 1;
constexpr int kAnn = 7;
constexpr int kBob = 8;

TEST(LockVerifierTest, HoldersThatFollowEachOtherInOrderAreFine) {
  LockVerifier verifier(2);
  EXPECT_TRUE(verifier.Acquired(kLock, kAnn, {0, 10}).ok());
  EXPECT_TRUE(verifier.Released(kLock, kAnn).ok());
  EXPECT_TRUE(verifier.Acquired(kLock, kBob, {1, 11}).ok());
  EXPECT_TRUE(verifier.Released(kLock, kBob).ok());
  EXPECT_TRUE(verifier.Acquired(kLock, kAnn, {4, 30}).ok());
  EXPECT_EQ(verifier.acquired(), 3u);
}

TEST(LockVerifierTest, TwoHoldersOfOneLockAreAViolation) {
  LockVerifier verifier(2);
  ASSERT_TRUE(verifier.Acquired(kLock, kAnn, {0, 10}).ok());
  const Status second = verifier.Acquired(kLock, kBob, {1, 11});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().message,
            "mutual exclusion is broken: lock 1: contender 8 has it, and contender 7 too");
}

TEST(LockVerifierTest, LocksHaveNothingToDoWithEachOther) {
  LockVerifier verifier(2);
  EXPECT_TRUE(verifier.Acquired(0, kAnn, {5, 50}).ok());
  EXPECT_TRUE(verifier.Acquired(1, kBob, {2, 20}).ok());
  EXPECT_FALSE(verifier.Released(0, kBob).ok());
}

TEST(LockVerifierTest, ATokenThatIsNotLargerIsAViolationInEitherNumber) {
  for (const FencingToken& late : {FencingToken{5, 60}, {6, 50}, {4, 60}, {6, 49}}) {
    LockVerifier verifier(2);
    ASSERT_TRUE(verifier.Acquired(kLock, kAnn, {5, 50}).ok());
    ASSERT_TRUE(verifier.Released(kLock, kAnn).ok());
    EXPECT_FALSE(verifier.Acquired(kLock, kBob, late).ok()) << late.sequence << " " << late.czxid;
  }
}

TEST(LockVerifierTest, WhatNobodyHasCannotBeGivenBack) {
  LockVerifier verifier(2);
  EXPECT_FALSE(verifier.Released(kLock, kAnn).ok());
}

}  // namespace
}  // namespace lockkeeper::load
