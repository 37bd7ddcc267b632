// The data channel: who may put and get which bytes, and when bytes that nobody needs go.
#include "fleet/operations/texts.h"
#include "fleet/operations/world.h"
#include "policies/vocabulary/hex.h"

namespace fleet::operations {

bool Operations::World::is_needed(const Digest& digest) const {
  return uploads.contains(digest) || placement.spool_needs(digest) || scheduler.refers_to(digest);
}

void Operations::World::keep_upload(const Digest& digest, const PartyId& owner, Bytes size, Instant now, store::Batch& batch) {
  Upload& upload = uploads[digest];
  if (upload.owners.empty()) {
    upload.since = now;
    upload.size = size;
    due.arm(DueKind::Upload, digest.text, now + settings.unreferenced_life);
  }
  if (!owner.empty() && upload.owners.insert(owner).second) uploaded[owner] += size;
  boost::json::array owners;
  for (const PartyId& one : upload.owners) owners.push_back(boost::json::value(one.text));
  const boost::json::object record{{"owners", std::move(owners)}, {"size", upload.size.count}, {"since", text_of(upload.since)}};
  batch.push_back({store::Table::Settings, "element/" + digest.text, boost::json::serialize(record)});
}

void Operations::World::forget_upload(const Digest& digest, store::Batch& batch) {
  const auto found = uploads.find(digest);
  if (found == uploads.end()) return;
  for (const PartyId& owner : found->second.owners) uploaded[owner] = uploaded[owner] - found->second.size;
  uploads.erase(found);
  due.disarm(DueKind::Upload, digest.text);
  batch.push_back({store::Table::Settings, "element/" + digest.text, {}});
  unneeded.push_back(digest);
}

Result<ElementPut> Operations::put_element(const registry::Caller& caller, const Digest& digest, std::string_view bytes, std::string_view ticket,
                                           Instant now, store::Batch& batch) {
  World& world = *world_;
  if (!is_sha256_hex(digest.text)) return Error{ErrorCode::InvalidInput, "an element is named by 64 lower-case hexadecimal digits", {}};
  const Bytes size{bytes.size()};
  if (size > world.settings.element_max)
    return Error{ErrorCode::LimitExceeded, "an element of " + size.text() + "; the limit is " + world.settings.element_max.text(), {}};
  const bool known = world.elements.size(digest).has_value();
  if (!caller.machine.empty()) {
    if (const Done allowed = world.check_ticket(ticket, caller.key, digest, contract::TicketAct::Put, size, now); !allowed) return allowed.error();
    if (const Done put = world.elements.put(digest, bytes); !put) return put.error();
    // Until its report arrives nothing refers to a result.
    if (!world.is_needed(digest)) world.keep_upload(digest, PartyId(), size, now, batch);
    return known ? ElementPut::WasThere : ElementPut::Created;
  }
  if (!caller.client) return Error{ErrorCode::PermissionDenied, "only machines and clients move elements", {}};
  const auto upload = world.uploads.find(digest);
  const bool owned = upload != world.uploads.end() && upload->second.owners.contains(caller.party);
  if (!owned && world.uploaded[caller.party] + size > world.settings.client_elements_max)
    return Error{ErrorCode::OutOfSpace, "the elements of '" + caller.party.text + "' would exceed " + world.settings.client_elements_max.text() +
                                            "; put objects or start jobs with what is there, or wait a day", {}};
  if (const Done put = world.elements.put(digest, bytes); !put) return put.error();
  if (!owned) world.keep_upload(digest, caller.party, size, now, batch);
  return known ? ElementPut::WasThere : ElementPut::Created;
}

Result<ElementPart> Operations::get_element(const registry::Caller& caller, const Digest& digest, std::uint64_t offset, std::string_view ticket,
                                            Instant now) {
  World& world = *world_;
  if (!is_sha256_hex(digest.text)) return Error{ErrorCode::InvalidInput, "an element is named by 64 lower-case hexadecimal digits", {}};
  if (!caller.machine.empty()) {
    if (const Done allowed = world.check_ticket(ticket, caller.key, digest, contract::TicketAct::Get, Bytes{}, now); !allowed) return allowed.error();
  } else {
    const auto upload = world.uploads.find(digest);
    const auto reader = world.readers.find(digest);
    const bool allowed = caller.client && ((upload != world.uploads.end() && upload->second.owners.contains(caller.party)) ||
                                           (reader != world.readers.end() && reader->second.contains(caller.party)));
    if (!allowed) return Error{ErrorCode::PermissionDenied, "element " + digest.text.substr(0, 16) + "... is not yours", {}};
  }
  const Result<Bytes> whole = world.elements.size(digest);
  if (!whole) return whole.error();
  if (offset > whole->count) return Error{ErrorCode::InvalidInput, "the range begins after the element's end", {}};
  Result<std::string> bytes = offset == 0 ? world.elements.get(digest) : world.elements.get_range(digest, offset, whole->count - offset);
  if (!bytes) return bytes.error();
  return ElementPart{*std::move(bytes), offset, *whole};
}

std::vector<Digest> Operations::take_unneeded() { return std::exchange(world_->unneeded, {}); }

void Operations::erase_elements(const std::vector<Digest>& unneeded) {
  for (const Digest& digest : unneeded)
    // What cannot be erased now is found again at the next start.
    if (!world_->is_needed(digest) && !world_->elements.erase(digest)) continue;
}

}  // namespace fleet::operations
