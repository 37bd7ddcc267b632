// Names of things, one type per kind, so that a machine's id is never taken for a party's.
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <utility>

namespace policies::vocabulary {

template <typename Kind>
struct Id {
  std::string text;

  Id() = default;
  explicit Id(std::string text_of_id) : text(std::move(text_of_id)) {}
  [[nodiscard]] bool empty() const { return text.empty(); }
  auto operator<=>(const Id&) const = default;
};

using MachineId = Id<struct MachineKind>;      // 64 hex digits: SHA-256 of the key's SubjectPublicKeyInfo
using PartyId = Id<struct PartyKind>;          // owner, client, line or staff; chosen by the manufacturer, e.g. "alice"
using KeyId = Id<struct KeyKind>;              // 64 hex digits: SHA-256 of a SubjectPublicKeyInfo, of whomever
using Digest = Id<struct DigestKind>;          // 64 hex digits: SHA-256 of some bytes
using OrderId = Id<struct OrderKind>;          // as the order says
using TermsId = Id<struct TermsKind>;          // name of a terms file, e.g. "home-night"
using OfferId = Id<struct OfferKind>;          // name of an offer file
using AgreementId = Id<struct AgreementKind>;  // made by the controller
using ObjectId = Id<struct ObjectKind>;        // made by the client, random
using ShardId = Id<struct ShardKind>;          // "<object>/<index>"; one shard may be held by several machines in turn
using JobId = Id<struct JobKind>;              // made by the controller
using TaskId = Id<struct TaskKind>;            // "<job>/<number>"
using AssignmentId = Id<struct AssignmentKind>;  // one copy of a task on one machine

}  // namespace policies::vocabulary

template <typename Kind>
struct std::hash<policies::vocabulary::Id<Kind>> {
  std::size_t operator()(const policies::vocabulary::Id<Kind>& id) const noexcept {
    return std::hash<std::string>{}(id.text);
  }
};
