import kafkajs, { type Admin } from "kafkajs";

// Node finds no named exports behind the one in the middle of the library's list of exports.
const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;

/**
 * Rejects when the user may not even describe the cluster. For users who see no topic: a broker leaves out of a list
 * what its reader may not describe, so that an empty list alone can mean a new cluster as well as a user without any
 * rights. The question is for the access rules of nobody, which have no content, and a broker answers it to whoever may
 * describe the cluster, or says that it has no access rules at all (SECURITY_DISABLED).
 */
export async function verifyDescribePermission(admin: Admin): Promise<void> {
  try {
    await admin.describeAcls({
      resourceType: AclResourceTypes.CLUSTER,
      resourceName: "kafka-cluster",
      resourcePatternType: ResourcePatternTypes.LITERAL,
      principal: "User:nobody",
      operation: AclOperationTypes.DESCRIBE,
      permissionType: AclPermissionTypes.ALLOW,
    });
  } catch (error) {
    if (!provesNothing(error)) throw error;
  }
}

/** What is no answer to the question: no access rules, no such question in the broker's protocol, nobody to ask. */
const noAnswer = new Set([
  "SECURITY_DISABLED",
  "UNSUPPORTED_VERSION",
  "KafkaJSServerDoesNotSupportApiKey",
  "KafkaJSMetadataNotLoaded",
  "KafkaJSBrokerNotFound",
]);

function provesNothing(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const type = "type" in error ? String(error.type) : "";
  return noAnswer.has(type) || noAnswer.has(error.name) || provesNothing(error.cause);
}
