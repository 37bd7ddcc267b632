// Every setting of the controller's decisions, with its default and range beside it. Changed only knowingly: --print-settings is golden.
#pragma once

#include "fleet/placement/placement.h"
#include "fleet/renewals/renewals.h"
#include "fleet/scheduler/scheduler.h"
#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/instant.h"

namespace fleet::operations {
using namespace policies::vocabulary;

struct Settings {
  // Machines.
  Duration poll_interval = std::chrono::minutes(5);      // of a machine without traffic; 50 ms to 1 day
  Duration poll_interval_max = std::chrono::hours(1);    // of a machine that gets no answers
  Duration poll_busy = std::chrono::seconds(2);          // while the machine has traffic; never above poll_interval
  Duration silence_limit = std::chrono::hours(24 * 7);   // a machine silent for longer is given up; 1 minute or more
  std::uint32_t polls_missed_max = 3;                    // then it counts as offline, which costs it nothing
  Duration online_min = std::chrono::minutes(2);         // never offline sooner than this: one late poll is no outage
  // Silence is counted only while the controller listens: a longer pause between two ticks (it was down, or its clock was set)
  // starts the count anew.
  Duration listening_gap = std::chrono::hours(1);
  Duration last_seen_pause = std::chrono::minutes(5);    // last_seen is stored at most so often
  std::uint32_t queue_max = 16;                          // assignments fetched ahead by one machine
  std::uint32_t running_max = 1;                         // assignments at once on one machine

  // Trust.
  Duration nonce_life = std::chrono::minutes(10);
  std::size_t nonces_max = 100'000;                      // waiting at one time
  Duration machine_certificate_life = std::chrono::hours(24 * 90);
  Duration party_certificate_life = std::chrono::hours(24 * 730);
  Duration ticket_life = std::chrono::hours(24);

  // Elements that nobody refers to are erased after this.
  Duration unreferenced_life = std::chrono::hours(24);
  Bytes element_max = mebibytes(80);
  Bytes client_elements_max = gibibytes(64);             // of one client, not counting what is placed

  // Bookkeeping.
  Duration settle_period = std::chrono::minutes(15);     // work is booked at least so often while there is any
  Duration storage_period = std::chrono::hours(24);      // storage is booked so often
  std::uint32_t due_max = 256;                           // of timed things done in one tick

  scheduler::Settings scheduler;
  placement::Settings placement;
  renewals::Settings renewals;
};

}  // namespace fleet::operations
