#include "fleet/controller/controller_folder.h"

#include "images/keys/certificates.h"

namespace fleet::controller {
namespace {

using images::files::Access;
using images::keys::KeyKind;
using images::keys::PrivateKey;

constexpr Bytes file_max = kibibytes(64);
// Clocks of others may be a little behind ours.
constexpr Duration backdated = std::chrono::hours(24);

Result<PrivateKey> key_in(images::files::Files& files, const std::string& path, KeyKind kind) {
  Result<std::string> pem = files.read(path, file_max);
  if (pem) {
    Result<PrivateKey> key = PrivateKey::from_pem(*pem);
    if (!key) return key.error().within("reading " + path);
    return key;
  }
  if (pem.error().code != ErrorCode::NotFound) return pem.error();
  Result<PrivateKey> key = PrivateKey::generate(kind);
  if (!key) return key;
  if (Done written = files.replace(path, key->pem(), Access::OwnerOnly); !written) return written.error();
  return key;
}

Result<std::string> authority_in(images::files::Files& files, const std::string& path, const PrivateKey& key, Duration life, Instant now) {
  Result<std::string> pem = files.read(path, file_max);
  if (pem || pem.error().code != ErrorCode::NotFound) return pem;
  pem = images::keys::make_authority(key, "Leaseback controller", now - backdated, now + life);
  if (!pem) return pem;
  if (Done written = files.replace(path, *pem, Access::Everyone); !written) return written.error();
  return pem;
}

bool is_fresh(const std::string& pem, const PrivateKey& key, Duration life, Instant now) {
  const auto facts = images::keys::certificate_facts(pem);
  return facts && facts->subject_key == key.id() && facts->not_before <= now && facts->not_after - now > life / 10;
}

Result<std::string> server_certificate_in(images::files::Files& files, const std::string& folder, const std::vector<std::string>& names,
                                          const PrivateKey& key, const FolderKeys& keys, Duration life, Instant now) {
  std::string wanted_names;
  for (const std::string& name : names) wanted_names += name + "\n";
  Result<std::string> pem = files.read(folder + "/server.pem", file_max);
  const Result<std::string> written_names = files.read(folder + "/server.names", file_max);
  if (pem && written_names && *written_names == wanted_names && is_fresh(*pem, key, life, now)) return pem;
  images::keys::CertificateRequest request{"leaseback-fleetd", key.public_key(), images::keys::CertificateUse::Server, names,
                                           now - backdated, now + life};
  pem = images::keys::issue_certificate(request, keys.authority, keys.authority_pem);
  if (!pem) return pem;
  if (Done written = files.replace(folder + "/server.pem", *pem, Access::Everyone); !written) return written.error();
  if (Done written = files.replace(folder + "/server.names", wanted_names, Access::Everyone); !written) return written.error();
  return pem;
}

}  // namespace

Result<FolderKeys> open_folder(images::files::Files& files, const std::string& folder, const std::vector<std::string>& names,
                               const Lifetimes& lifetimes, Instant now) {
  for (const std::string& path : {folder, folder + "/staff"})
    if (Done made = files.make_directory(path, Access::OwnerOnly); !made) return made.error();
  Result<PrivateKey> authority = key_in(files, folder + "/authority.key", KeyKind::MachineKey);
  if (!authority) return authority.error();
  Result<std::string> authority_pem = authority_in(files, folder + "/authority.pem", *authority, lifetimes.authority, now);
  if (!authority_pem) return authority_pem.error();
  Result<PrivateKey> signing = key_in(files, folder + "/signing.key", KeyKind::SigningKey);
  if (!signing) return signing.error();
  if (Done written = files.replace(folder + "/signing.pub", signing->public_key().pem(), Access::Everyone); !written) return written.error();
  Result<PrivateKey> escrow = key_in(files, folder + "/escrow.key", KeyKind::MachineKey);
  if (!escrow) return escrow.error();
  if (Done written = files.replace(folder + "/escrow.pub", escrow->public_key().pem(), Access::Everyone); !written) return written.error();
  Result<PrivateKey> server = key_in(files, folder + "/server.key", KeyKind::MachineKey);
  if (!server) return server.error();
  Result<PrivateKey> staff = key_in(files, folder + "/staff/staff.key", KeyKind::MachineKey);
  if (!staff) return staff.error();
  FolderKeys keys{*authority, *authority_pem, *signing, *escrow, server->pem(), "", *staff};
  Result<std::string> certificate = server_certificate_in(files, folder, names, *server, keys, lifetimes.server, now);
  if (!certificate) return certificate.error();
  keys.server_certificate_pem = *certificate;
  return keys;
}

Done write_staff_home(images::files::Files& files, const std::string& folder, const std::string& certificate_pem,
                      const std::string& authority_pem, const std::string& url) {
  const std::string home = folder + "/staff";
  if (Done written = files.replace(home + "/certificate.pem", certificate_pem, Access::Everyone); !written) return written;
  if (Done written = files.replace(home + "/authority.pem", authority_pem, Access::Everyone); !written) return written;
  return files.replace(home + "/controller.url", url + "\n", Access::Everyone);
}

}  // namespace fleet::controller
