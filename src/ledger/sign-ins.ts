/** Which keys sign-ins are tied to, for those that are no token's root: `Issuances` ties the others. */
export interface SignIns {
  /**
   * The key an ID token is tied to: the first it ever came with, `thumbprint` where it came with none before.
   * One atomic insert. Undefined where it is tied to none.
   */
  tie(signIn: {
    readonly tokenHash: string;
    readonly thumbprint: string | undefined;
    readonly expiresAt: Date;
  }): Promise<string | undefined>;
}
