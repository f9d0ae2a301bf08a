/** Artifacts: what the authorization server library keeps. Opaque to everyone but that library. */
export interface Artifacts {
  /** Inserts or replaces. */
  put(artifact: Artifact): Promise<void>;
  /** Inserts; false where the id is taken, expired or not: one atomic insert. */
  putOnce(artifact: Artifact): Promise<boolean>;
  find(model: string, idHash: string): Promise<FoundArtifact | undefined>;
  findByUid(model: string, uid: string): Promise<FoundArtifact | undefined>;
  findByUserCode(model: string, userCode: string): Promise<FoundArtifact | undefined>;
  /** Those of one `uid` that are not consumed; those that expire first come first. */
  open(model: string, uid: string, limit: number): Promise<readonly OpenArtifact[]>;
  /** True for exactly one caller ever: one conditional update. */
  consume(model: string, idHash: string, at: Date): Promise<boolean>;
  destroy(model: string, idHash: string): Promise<void>;
  destroyGrant(grantId: string): Promise<void>;
}

export interface Artifact {
  readonly model: string;
  readonly idHash: string;
  readonly payload: object;
  readonly grantId: string | undefined;
  readonly uid: string | undefined;
  readonly userCode: string | undefined;
  readonly expiresAt: Date | undefined;
}

export interface FoundArtifact {
  readonly payload: object;
  readonly consumedAt: Date | undefined;
  readonly expiresAt: Date | undefined;
}

export interface OpenArtifact extends FoundArtifact {
  readonly idHash: string;
}
