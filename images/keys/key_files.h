// Keys in files. A private key's file is readable by its owner only; a public key's by everyone.
#pragma once

#include <string>

#include "images/files/files.h"
#include "images/keys/keys.h"

namespace images::keys {

// AlreadyExists when `path` is there: a key that is overwritten is a key that is lost.
Done write_private_key(files::Files& files, const std::string& path, const PrivateKey& key);
Done write_public_key(files::Files& files, const std::string& path, const PublicKey& key);

Result<PrivateKey> read_private_key(files::Files& files, const std::string& path);
Result<PublicKey> read_public_key(files::Files& files, const std::string& path);

}  // namespace images::keys
