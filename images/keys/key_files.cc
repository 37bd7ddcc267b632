#include "images/keys/key_files.h"

namespace images::keys {
namespace {

constexpr Bytes key_file_size_max = kibibytes(16);

Done write_new(files::Files& files, const std::string& path, const std::string& pem, files::Access access) {
  const Result<bool> there = files.exists(path);
  if (!there) return there.error();
  if (*there)
    return Error{
        ErrorCode::AlreadyExists, "'" + path + "' is there already; keys are not overwritten: choose another name", {}};
  return files.replace(path, pem, access);
}

}  // namespace

Done write_private_key(files::Files& files, const std::string& path, const PrivateKey& key) {
  return write_new(files, path, key.pem(), files::Access::OwnerOnly);
}

Done write_public_key(files::Files& files, const std::string& path, const PublicKey& key) {
  return write_new(files, path, key.pem(), files::Access::Everyone);
}

Result<PrivateKey> read_private_key(files::Files& files, const std::string& path) {
  const Result<std::string> pem = files.read(path, key_file_size_max);
  if (!pem) return pem.error().within("reading a private key");
  Result<PrivateKey> key = PrivateKey::from_pem(*pem);
  if (!key) return key.error().within("reading the private key " + path);
  return key;
}

Result<PublicKey> read_public_key(files::Files& files, const std::string& path) {
  const Result<std::string> pem = files.read(path, key_file_size_max);
  if (!pem) return pem.error().within("reading a public key");
  Result<PublicKey> key = PublicKey::from_pem(*pem);
  if (!key) return key.error().within("reading the public key " + path);
  return key;
}

}  // namespace images::keys
