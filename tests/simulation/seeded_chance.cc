// OpenSSL lets a process put its own generator in place of the operating system's by a call that it calls deprecated.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "tests/simulation/seeded_chance.h"

#include <openssl/rand.h>

#include "policies/vocabulary/random.h"

namespace simulation {
namespace {

policies::vocabulary::Random& source() {
  static policies::vocabulary::Random random(0);
  return random;
}

int draw(unsigned char* bytes, int count) {
  for (int i = 0; i < count; ++i) bytes[i] = static_cast<unsigned char>(source().below(256));
  return 1;
}

int ready() { return 1; }

const RAND_METHOD seeded = {nullptr, draw, nullptr, nullptr, draw, ready};

}  // namespace

SeededChance::SeededChance(std::uint64_t seed) {
  source() = policies::vocabulary::Random(seed);
  RAND_set_rand_method(&seeded);
}

SeededChance::~SeededChance() { RAND_set_rand_method(nullptr); }

}  // namespace simulation
