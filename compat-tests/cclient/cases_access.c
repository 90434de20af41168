// Access control lists and authentication.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

// The result of an add_auth, which arrives on the client's completion thread.
typedef struct {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  bool done;
  int rc;
} AuthResult;

static void OnAuth(int rc, const void* context) {
  AuthResult* result = (AuthResult*)context;
  pthread_mutex_lock(&result->mutex);
  result->done = true;
  result->rc = rc;
  pthread_cond_broadcast(&result->changed);
  pthread_mutex_unlock(&result->mutex);
}

// Authenticates and waits for the answer; the result code of the server.
static int Authenticate(zhandle_t* zh, const char* scheme, const char* credentials) {
  // Static: were the answer never to come, the client would still write into it at close.
  static AuthResult result = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0};
  result.done = false;
  const int rc = zoo_add_auth(zh, scheme, credentials, (int)strlen(credentials), OnAuth, &result);
  if (rc != ZOK) return rc;
  pthread_mutex_lock(&result.mutex);
  while (!result.done) pthread_cond_wait(&result.changed, &result.mutex);
  pthread_mutex_unlock(&result.mutex);
  return result.rc;
}

// CP-7.12: setACL raises aversion only; getACL returns what was set.
static void SetAclRaisesAversionOnly(void) {
  zhandle_t* zh = Connect();
  EXPECT(zh != NULL);
  EXPECT(Put(zh, At("a"), ""));
  struct Stat before, after;
  EXPECT_EQ(zoo_exists(zh, At("a"), 0, &before), ZOK);
  struct ACL entries[] = {{0x1f, {"world", "anyone"}}, {0x01, {"ip", "10.0.0.0/8"}}};
  const struct ACL_vector wanted = {2, entries};
  EXPECT_EQ(zoo_set_acl(zh, At("a"), 3, &wanted), ZBADVERSION);
  EXPECT_EQ(zoo_set_acl(zh, At("a"), 0, &wanted), ZOK);
  struct ACL_vector seen;
  EXPECT_EQ(zoo_get_acl(zh, At("a"), &seen, &after), ZOK);
  const bool right = seen.count == 2 && seen.data[0].perms == 0x1f &&
                     strcmp(seen.data[0].id.scheme, "world") == 0 && seen.data[1].perms == 0x01 &&
                     strcmp(seen.data[1].id.id, "10.0.0.0/8") == 0;
  deallocate_ACL_vector(&seen);
  EXPECT(right);
  EXPECT_EQ(after.aversion, 1);
  EXPECT_EQ(after.version, before.version);
  EXPECT_EQ(after.mzxid, before.mzxid);
}

// CP-7.16, CP-11.2: what a digest user creates for itself nobody else can touch, until it says who
// it is.
static void DigestAclsAdmitTheirUserOnly(void) {
  zhandle_t* bob = Connect();
  zhandle_t* eve = Connect();
  EXPECT(bob != NULL && eve != NULL);
  EXPECT_EQ(Authenticate(bob, "digest", "bob:pw"), ZOK);
  EXPECT_EQ(zoo_create(bob, At("secret"), "s", 1, &ZOO_CREATOR_ALL_ACL, ZOO_PERSISTENT, NULL, 0),
            ZOK);
  char data[8];
  int size = sizeof(data);
  EXPECT_EQ(zoo_get(eve, At("secret"), 0, data, &size, NULL), ZNOAUTH);
  EXPECT_EQ(zoo_set(eve, At("secret"), "x", 1, -1), ZNOAUTH);
  EXPECT_EQ(zoo_create(eve, At("secret/x"), "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, NULL, 0),
            ZNOAUTH);
  EXPECT_EQ(Authenticate(eve, "digest", "bob:wrong"), ZOK);
  EXPECT_EQ(zoo_get(eve, At("secret"), 0, data, &size, NULL), ZNOAUTH);
  EXPECT_EQ(Authenticate(eve, "digest", "bob:pw"), ZOK);
  size = sizeof(data);
  EXPECT_EQ(zoo_get(eve, At("secret"), 0, data, &size, NULL), ZOK);
  EXPECT_EQ(size, 1);
  struct ACL_vector acl;
  EXPECT_EQ(zoo_get_acl(bob, At("secret"), &acl, NULL), ZOK);
  const bool right = acl.count == 1 && strcmp(acl.data[0].id.scheme, "digest") == 0 &&
                     strcmp(acl.data[0].id.id, "bob:ikIaKsbtGweaHnb/jKn7OHqbunM=") == 0;
  deallocate_ACL_vector(&acl);
  EXPECT(right);
}

// CP-7.6: DELETE on the parent decides over delete.
static void DeleteNeedsPermissionOnTheParent(void) {
  zhandle_t* bob = Connect();
  zhandle_t* eve = Connect();
  EXPECT(bob != NULL && eve != NULL);
  EXPECT_EQ(Authenticate(bob, "digest", "bob:pw"), ZOK);
  EXPECT_EQ(zoo_create(bob, At("p"), "", 0, &ZOO_CREATOR_ALL_ACL, ZOO_PERSISTENT, NULL, 0), ZOK);
  EXPECT(Put(bob, At("p/open"), ""));
  EXPECT_EQ(zoo_delete(eve, At("p/open"), -1), ZNOAUTH);
  EXPECT_EQ(zoo_delete(bob, At("p/open"), -1), ZOK);
}

// CP-7.15: the creator's ACL without an identity.
static void CreatorAclNeedsAnIdentity(void) {
  zhandle_t* zh = Connect();
  EXPECT(zh != NULL);
  EXPECT_EQ(zoo_create(zh, At("a"), "", 0, &ZOO_CREATOR_ALL_ACL, ZOO_PERSISTENT, NULL, 0),
            ZINVALIDACL);
}

// CP-11.3: an unknown scheme ends the connection; the client reports AUTH_FAILED.
static void UnknownSchemeFailsTheHandle(void) {
  zhandle_t* zh = Connect();
  EXPECT(zh != NULL);
  EXPECT_EQ(Authenticate(zh, "nosuchscheme", "x"), ZAUTHFAILED);
  EXPECT(WaitForState(zh, ZOO_AUTH_FAILED_STATE, kPatienceMs));
}

const Case kAccessCases[] = {
    {"set_acl_raises_aversion_only", SetAclRaisesAversionOnly},
    {"digest_acls_admit_their_user_only", DigestAclsAdmitTheirUserOnly},
    {"delete_needs_permission_on_the_parent", DeleteNeedsPermissionOnTheParent},
    {"creator_acl_needs_an_identity", CreatorAclNeedsAnIdentity},
    {"unknown_scheme_fails_the_handle", UnknownSchemeFailsTheHandle},
    {NULL, NULL},
};
