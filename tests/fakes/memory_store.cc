#include "tests/fakes/memory_store.h"

namespace tests::fakes {
using fleet::store::Batch;
using fleet::store::Change;
using fleet::store::Table;

MemoryStore::MemoryStore(const MemoryStore& other) : fleet::store::Store() {
  const std::lock_guard lock(other.mutex_);
  tables_ = other.tables_;
}

Done MemoryStore::commit(std::span<const Batch> batches) {
  const std::lock_guard lock(mutex_);
  for (const Batch& batch : batches)
    for (const Change& change : batch) {
      if (change.key.empty() || change.key.size() > 512)
        return Error{ErrorCode::InvalidInput, "a key of " + std::to_string(change.key.size()) + " bytes", {}};
    }
  if (failure_) {
    const ErrorCode code = *failure_;
    failure_.reset();
    return Error{code, "the test made this commit fail", {}};
  }
  // A copy is made only when the room may not suffice; else records are replaced in place.
  Tables before;
  if (room_) before = tables_;
  bool anything = false;
  for (const Batch& batch : batches) {
    if (!batch.empty()) ++batches_;
    for (const Change& change : batch) {
      anything = true;
      Records& records = tables_.at(static_cast<std::size_t>(change.table));
      if (change.value)
        records.insert_or_assign(change.key, *change.value);
      else
        records.erase(change.key);
    }
  }
  if (room_) {
    std::uint64_t used = 0;
    for (const Records& records : tables_)
      for (const auto& [key, value] : records) used += key.size() + value.size();
    if (used > room_->count) {
      tables_ = std::move(before);
      return Error{ErrorCode::OutOfSpace, "the test's disk is full", {}};
    }
  }
  if (anything) ++commits_;
  if (answer_lost_) {
    answer_lost_ = false;
    return Error{ErrorCode::IoFailure, "the test took the power away before the answer", {}};
  }
  return {};
}

Done MemoryStore::scan(Table table, std::string_view from,
                       const std::function<void(std::string_view key, std::string_view value)>& visit) {
  const std::lock_guard lock(mutex_);
  const Records& records = tables_.at(static_cast<std::size_t>(table));
  for (auto record = records.lower_bound(from); record != records.end(); ++record) visit(record->first, record->second);
  return {};
}

Result<std::string> MemoryStore::get(Table table, std::string_view key) {
  const std::lock_guard lock(mutex_);
  const Records& records = tables_.at(static_cast<std::size_t>(table));
  const auto found = records.find(key);
  if (found == records.end())
    return Error{ErrorCode::NotFound, std::string(fleet::store::name_of(table)) + " has no " + std::string(key), {}};
  return found->second;
}

void MemoryStore::fail_next_commit(ErrorCode code) { failure_ = code; }
void MemoryStore::lose_next_answer() { answer_lost_ = true; }
void MemoryStore::limit_to(Bytes room) { room_ = room; }

std::size_t MemoryStore::commits() const {
  const std::lock_guard lock(mutex_);
  return commits_;
}
std::size_t MemoryStore::batches() const {
  const std::lock_guard lock(mutex_);
  return batches_;
}

void MemoryStore::tamper(Table table, const std::string& key, std::string value) {
  const std::lock_guard lock(mutex_);
  tables_.at(static_cast<std::size_t>(table)).insert_or_assign(key, std::move(value));
}

}  // namespace tests::fakes
