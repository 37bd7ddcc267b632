#include "agent/daemon/shard_work.h"

#include <sstream>

namespace agent::daemon {
namespace {

constexpr std::string_view prefix = "shard/";
constexpr Duration retry_first{2'000};
constexpr Duration retry_max{300'000};

std::string entry_of(std::uint64_t request) { return std::string(prefix) + std::to_string(request); }

// "store 17 1024 <digest> <shard>\n<ticket>"; an id of a shard has no line end, which take() sees to.
std::string encoded(const ShardOrder& order) {
  std::ostringstream text;
  text << (order.act == ShardAct::Store ? "store " : "send ") << order.request << ' ' << order.size.count << ' '
       << (order.digest.empty() ? "-" : order.digest.text) << ' ' << order.shard.text << '\n'
       << order.ticket;
  return text.str();
}

Result<ShardOrder> order_from(const std::string& text) {
  const std::size_t end = text.find('\n');
  std::istringstream line(text.substr(0, end));
  ShardOrder order;
  std::string act;
  line >> act >> order.request >> order.size.count >> order.digest.text;
  if (!line || end == std::string::npos || (act != "store" && act != "send")) {
    return Error{ErrorCode::Corrupt, "an order about a shard cannot be read back", {}};
  }
  line.get();
  std::getline(line, order.shard.text);
  if (order.digest.text == "-") order.digest = Digest{};
  order.act = act == "store" ? ShardAct::Store : ShardAct::Send;
  order.ticket = text.substr(end + 1);
  return order;
}

ShardAnswerKind refusal_of(const Error& error) {
  const bool refused = error.code == ErrorCode::OutOfSpace || error.code == ErrorCode::LimitExceeded ||
                       error.code == ErrorCode::AlreadyExists;
  return refused ? ShardAnswerKind::Refused : ShardAnswerKind::Failed;
}

}  // namespace

Done ShardWork::resume() {
  for (const std::string& name : journal_->names(prefix)) {
    Result<ShardOrder> order = order_from(*journal_->find(name));
    if (!order) return std::move(order).error().within("reading the journal's entry " + name);
    items_[order->request].order = *order;
  }
  return {};
}

void ShardWork::answer(const ShardOrder& order, ShardAnswerKind kind, std::string reason) {
  answers_.push_back({.request = order.request,
                      .shard = order.shard,
                      .kind = kind,
                      .digest = order.digest,
                      .size = order.size,
                      .reason = std::move(reason)});
  journal_->erase(entry_of(order.request));
  items_.erase(order.request);
}

void ShardWork::take(const ShardOrder& order, vault::Vault& vault) {
  if (items_.contains(order.request)) return;
  if (order.shard.text.find('\n') != std::string::npos || order.shard.empty()) {
    answer(order, ShardAnswerKind::Refused, "the shard's id is empty or holds a line end");
    return;
  }
  if (order.act == ShardAct::Store && vault.holds(order.shard, order.digest)) {
    answer(order, ShardAnswerKind::Stored, "");
    return;
  }
  if (order.act == ShardAct::Store && order.size > vault.available()) {
    answer(order, ShardAnswerKind::Refused,
           order.size.text() + " do not fit in the " + vault.available().text() + " that are free");
    return;
  }
  items_[order.request].order = order;
  journal_->put(entry_of(order.request), encoded(order));
}

void ShardWork::remove(std::uint64_t request, const ShardId& shard, const Digest& digest, vault::Vault& vault) {
  std::vector<ShardOrder> overtaken;
  for (const auto& [number, item] : items_) {
    if (item.order.shard == shard && item.order.act == ShardAct::Store && item.order.digest == digest)
      overtaken.push_back(item.order);
  }
  for (const ShardOrder& order : overtaken) answer(order, ShardAnswerKind::Refused, "deleted before it was stored");
  const ShardOrder order{.request = request, .shard = shard, .digest = digest};
  if (vault.holds(shard, digest) || digest.empty()) {
    Done removed = vault.remove(shard);
    if (!removed && removed.error().code != ErrorCode::NotFound) {
      answer(order, ShardAnswerKind::Failed, removed.error().text());
      return;
    }
  }
  // What is not here is deleted: the order may have been carried out just before a power cut.
  answer(order, ShardAnswerKind::Deleted, "");
}

std::vector<ShardTransfer> ShardWork::begin(vault::Vault& vault, Duration running) {
  std::vector<ShardTransfer> transfers;
  std::uint32_t under_way = 0;
  for (const auto& [request, item] : items_) under_way += item.under_way ? 1 : 0;
  for (auto next = items_.begin(); next != items_.end() && under_way < under_way_max_;) {
    Item& item = (next++)->second;
    if (item.under_way || item.retry_at > running) continue;
    const ShardOrder order = item.order;
    ShardTransfer transfer{
        .request = order.request, .act = order.act, .digest = order.digest, .size = order.size, .ticket = order.ticket};
    if (order.act == ShardAct::Send) {
      Result<std::string> bytes = vault.read(order.shard);
      if (!bytes) {
        const ErrorCode code = bytes.error().code;
        answer(order,
               code == ErrorCode::NotFound  ? ShardAnswerKind::Missing
               : code == ErrorCode::Corrupt ? ShardAnswerKind::Corrupt
                                            : ShardAnswerKind::Failed,
               bytes.error().text());
        continue;
      }
      if (!order.digest.empty() && !vault.holds(order.shard, order.digest)) {
        answer(order, ShardAnswerKind::Missing, "it is held with another digest");
        continue;
      }
      transfer.bytes = *std::move(bytes);
    }
    item.under_way = true;
    ++under_way;
    transfers.push_back(std::move(transfer));
  }
  return transfers;
}

void ShardWork::again(Item& item, const Error& error, Duration running) {
  item.under_way = false;
  const bool hopeless = error.code == ErrorCode::PermissionDenied || error.code == ErrorCode::NotFound ||
                        refusal_of(error) == ShardAnswerKind::Refused;
  if (++item.attempts >= attempts_max_ || hopeless) {
    const ShardOrder order = item.order;
    answer(order, refusal_of(error), error.text());
    return;
  }
  Duration wait = retry_first;
  for (std::uint32_t i = 1; i < item.attempts && wait < retry_max; ++i) wait *= 2;
  item.retry_at = running + std::min(wait, retry_max);
}

void ShardWork::arrived(std::uint64_t request, const Result<std::string>& bytes, vault::Vault& vault,
                        Duration running) {
  const auto found = items_.find(request);
  if (found == items_.end()) return;
  const ShardOrder order = found->second.order;
  Done stored = bytes ? vault.store(order.shard, order.digest, *bytes) : Done(bytes.error());
  if (stored) {
    answer(order, ShardAnswerKind::Stored, "");
  } else {
    again(found->second, stored.error(), running);
  }
}

void ShardWork::sent(std::uint64_t request, const Done& done, Duration running) {
  const auto found = items_.find(request);
  if (found == items_.end()) return;
  const ShardOrder order = found->second.order;
  if (done) {
    answer(order, ShardAnswerKind::Sent, "");
  } else {
    again(found->second, done.error(), running);
  }
}

Duration ShardWork::wait(Duration running) const {
  Duration wait = Duration::max();
  std::uint32_t under_way = 0;
  for (const auto& [request, item] : items_) {
    under_way += item.under_way ? 1 : 0;
    if (!item.under_way) wait = std::min(wait, std::max(Duration{1}, item.retry_at - running));
  }
  // With no place free, the next thing to happen is an event.
  return under_way >= under_way_max_ ? Duration::max() : wait;
}

}  // namespace agent::daemon
