// What the engine does as time goes on: windows open and close, owners come and go, deadlines pass.
#include "agent/engine/engine.h"

namespace agent::engine {

void Engine::step(const presence::Presence& presence, Instant now, Duration running) {
  presence_ = presence;
  end_by_deadline(now);
  const bool open = presence.window == presence::Window::Open;
  if (!open) {
    stop_running(true);
  } else if (!presence.work_may_run()) {
    freeze_running(running);
  } else {
    for (auto& [assignment, item] : items_) {
      if (!item.frozen_since) continue;
      item.frozen_since.reset();
      sandbox_->thaw(assignment);
    }
    if (presence.window_changes_at - settings_.stop_lead <= now) stop_running(false);
  }
  wish_fetches(running, now);
  wish_uploads(running);
  if (presence.work_may_run() && presence.window_changes_at - settings_.start_lead > now) {
    start_ready(now, running);
    wish_fetches(running, now);  // of elements that were found changed just before their start
  }
}

void Engine::end_by_deadline(Instant now) {
  const bool closed = presence_.window == presence::Window::Closed;
  for (const AssignmentId& assignment : held()) {
    Item& item = items_.at(assignment);
    if (item.work.deadline <= now) {
      give_back(item, "its deadline has passed", now);
    } else if (closed && item.work.deadline <= presence_.window_changes_at && item.stage != Stage::Uploading) {
      give_back(item, "its deadline passes before the window opens again", now);
    }
  }
}

void Engine::stop_running(bool kill) {
  for (auto& [assignment, item] : items_) {
    if (kill && (item.stage == Stage::Running || item.stage == Stage::Stopping)) {
      sandbox_->kill(assignment);
    } else if (item.stage == Stage::Running) {
      item.stage = Stage::Stopping;
      sandbox_->ask_to_stop(assignment);
    }
  }
}

void Engine::freeze_running(Duration running) {
  for (auto& [assignment, item] : items_) {
    if (item.stage != Stage::Running && item.stage != Stage::Stopping) continue;
    if (!item.frozen_since) {
      item.frozen_since = running;
      sandbox_->freeze(assignment);
    } else if (running - *item.frozen_since >= settings_.frozen_max) {
      // The owner has it back for long: the memory too. The newest checkpoint stays.
      sandbox_->kill(assignment);
    }
  }
}

void Engine::wish_fetches(Duration running, Instant now) {
  std::uint32_t under_way = 0;
  for (const auto& [digest, fetch] : fetching_) under_way += fetch.under_way ? 1 : 0;
  const std::set<Digest> needed = in_use();
  std::erase_if(fetching_, [&](const auto& entry) { return !entry.second.under_way && !needed.contains(entry.first); });
  for (auto& [assignment, item] : items_) {
    if (item.stage != Stage::Fetching || item.work.deadline <= now) continue;
    for (const NeededElement& element : item.work.elements) {
      if (cache_.holds(element.digest)) continue;
      if (under_way >= settings_.fetching_max) return;
      Fetching& fetch = fetching_[element.digest];
      if (fetch.under_way || fetch.retry_at > running) continue;
      fetch.under_way = true;
      ++under_way;
      wishes_.fetches.push_back({.digest = element.digest, .size = element.size, .ticket = element.ticket});
    }
    if (complete(item.work)) item.stage = Stage::Ready;
  }
}

void Engine::wish_uploads(Duration running) {
  for (auto& [assignment, item] : items_) {
    if (item.stage != Stage::Uploading || item.under_way || item.retry_at > running) continue;
    Result<std::string> bytes = files_->read(result_path(assignment), settings_.result_max);
    if (!bytes || images::keys::sha256(*bytes) != item.result_digest) {
      // The result is gone: the work is not, it can be done again.
      item.stage = Stage::Fetching;
      item.result_digest = Digest{};
      keep(item);
      continue;
    }
    item.under_way = true;
    wishes_.uploads.push_back({.assignment = assignment,
                               .digest = item.result_digest,
                               .bytes = *std::move(bytes),
                               .ticket = item.work.result_ticket});
  }
}

void Engine::start_ready(Instant now, Duration running) {
  std::vector<Item*> ready;
  for (auto& [assignment, item] : items_) {
    if (item.stage == Stage::Ready && item.retry_at <= running) ready.push_back(&item);
  }
  std::stable_sort(ready.begin(), ready.end(), [](const Item* a, const Item* b) {
    if (a->work.priority != b->work.priority) return a->work.priority > b->work.priority;
    return a->work.deadline < b->work.deadline;
  });
  std::uint32_t running_now = this->running();
  for (Item* item : ready) {
    if (running_now >= settings_.running_max) return;
    if (start(*item, now, running)) ++running_now;
  }
}

bool Engine::start(Item& item, Instant now, Duration running) {
  const AssignmentId assignment = item.work.assignment;
  sandbox::TaskSpec spec{.assignment = assignment,
                         .folder = folder_of(assignment),
                         .elements = {},
                         .entry = item.work.entry,
                         .arguments = item.work.arguments,
                         .parameters_json = item.work.parameters_json,
                         .limits = {}};
  for (const NeededElement& element : item.work.elements) {
    if (!cache_.check(element.digest)) {
      item.stage = Stage::Fetching;
      return false;
    }
    spec.elements.push_back(
        {.name = element.name, .path = cache_.path_of(element.digest), .executable = element.executable});
  }
  const Work& work = item.work;
  if (work.memory_max.count > 0) spec.limits.memory = work.memory_max;
  if (work.scratch_max.count > 0) spec.limits.scratch = work.scratch_max;
  if (work.result_max.count > 0) spec.limits.result = work.result_max;
  // What earlier starts used is gone from the allowance.
  if (work.processor_max.count() > 0)
    spec.limits.processor = std::max(work.processor_max - item.processor, Duration{1'000});
  Done started = files_->make_directory(spec.folder, images::files::Access::OwnerOnly);
  if (started) started = sandbox_->start(spec);
  ++item.starts;
  item.stage = Stage::Running;
  if (!started) {
    task_ended({.assignment = assignment, .kind = sandbox::EndKind::NotStarted, .reason = started.error().text()}, now,
               running);
    return false;
  }
  if (item.starts == 1) {
    item.started = now;
    report(item, Outcome::Running, "", now);
  }
  keep(item);
  return true;
}

Duration Engine::wait(Instant now, Duration running) const {
  if (items_.empty()) return Duration::max();
  Duration wait = Duration::max();
  // What is due already was done by step(), or waits for an event.
  const auto at = [&](Instant instant) {
    if (instant > now && instant != Instant::max()) wait = std::min(wait, instant - now);
  };
  const auto after = [&](Duration moment) {
    if (moment > running) wait = std::min(wait, moment - running);
  };
  at(presence_.window_changes_at);
  if (presence_.window_changes_at != Instant::max()) at(presence_.window_changes_at - settings_.stop_lead);
  for (const auto& [assignment, item] : items_) {
    at(item.work.deadline);
    if (item.frozen_since) after(*item.frozen_since + settings_.frozen_max);
    const bool waits = (item.stage == Stage::Uploading && !item.under_way) || item.stage == Stage::Ready;
    if (waits && item.retry_at > running) after(item.retry_at);
  }
  for (const auto& [digest, fetch] : fetching_) {
    if (!fetch.under_way) after(fetch.retry_at);
  }
  return wait;
}

}  // namespace agent::engine
